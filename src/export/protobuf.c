#include "export/onnx_graph.h"

#include "base/mem.h"

#include <string.h>

void bytes_put(struct bytes *b, const void *data, int64_t n)
{
    if (b->n + n > b->space) {
        int64_t space = 2 * (b->n + n) + 256;
        char *grown = b->failed ? NULL : mem_resize(b->data, space, 1);

        if (!grown) {
            b->failed = true;
            return;
        }
        b->data = grown;
        b->space = space;
    }
    if (n)
        memcpy(b->data + b->n, data, (size_t)n);
    b->n += n;
}

/* Seven bits a byte, lowest first. */
static void put_varint(struct bytes *b, uint64_t value)
{
    do {
        unsigned char c = (unsigned char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));

        bytes_put(b, &c, 1);
        value >>= 7;
    } while (value);
}

enum wire { WIRE_VARINT = 0, WIRE_BYTES = 2 };

void bytes_put_int(struct bytes *b, int field, int64_t value)
{
    put_varint(b, (uint64_t)field << 3 | WIRE_VARINT);
    put_varint(b, (uint64_t)value);
}

void bytes_put_head(struct bytes *b, int field, int64_t length)
{
    put_varint(b, (uint64_t)field << 3 | WIRE_BYTES);
    put_varint(b, (uint64_t)length);
}

void bytes_put_text(struct bytes *b, int field, const char *text)
{
    bytes_put_head(b, field, (int64_t)strlen(text));
    bytes_put(b, text, (int64_t)strlen(text));
}

void bytes_put_message(struct bytes *b, int field, struct bytes *inner)
{
    bytes_put_head(b, field, inner->n);
    bytes_put(b, inner->data, inner->n);
    b->failed |= inner->failed;
    inner->n = 0;
}

void bytes_fini(struct bytes *b)
{
    mem_free(b->data);
    *b = (struct bytes){0};
}

static int64_t varint_length(uint64_t value)
{
    int64_t n = 1;

    for (; value > 0x7f; value >>= 7)
        n++;
    return n;
}

int64_t bytes_field_length(int64_t content)
{
    return 1 + varint_length((uint64_t)content) + content;
}
