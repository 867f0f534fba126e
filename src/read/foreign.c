#include "read/foreign.h"

#include "base/text.h"

#include <string.h>
#include <strings.h>

#define PANDAS(reader)                                                                                       \
    "convert it: python3 -c \"import pandas; pandas." reader "('FILE').to_csv('FILE.csv', index=False)\""
#define RSCRIPT(code) "convert it: Rscript -e '" code ", \"FILE.csv\", row.names = FALSE)'"

enum kind {
    BINARY, /* these bytes, and then a control character: an id may begin with the letters */
    SURE,   /* these bytes */
    TEXT,   /* this word, in any case, behind blanks */
};

static const struct foreign {
    enum kind kind;
    const char *what, *how;
    const char *starts; /* parted by | */
} foreign[] = {
    {BINARY, "a Parquet file", PANDAS("read_parquet"), "PAR1"},
    {SURE, "an Avro file", "convert it with Python's fastavro, or Spark's write.csv", "Obj\x01"},
    {BINARY, "an Arrow or Feather file", PANDAS("read_feather"), "ARROW1|FEA1"},
    {BINARY, "an ORC file", PANDAS("read_orc"), "ORC"},
    {SURE, "an HDF5 file", PANDAS("read_hdf"), "\x89HDF\r\n\x1a\n"},
    {SURE, "a NumPy array",
     "convert it: python3 -c \"import numpy; numpy.savetxt('FILE.csv', numpy.load('FILE'), fmt='%g', "
     "delimiter=',')\"",
     "\x93NUMPY"},
    {SURE, "an old Excel workbook (.xls)", "save its sheet as CSV: libreoffice --convert-to csv FILE",
     "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"},
    {BINARY, "an SQLite database",
     "convert it: sqlite3 -header -csv FILE 'select user, item, rating from TABLE'", "SQLite format 3"},
    {SURE, "a Python pickle", PANDAS("read_pickle"), "\x80\x02|\x80\x03|\x80\x04\x95|\x80\x05\x95"},
    {SURE, "packed data", "unpack it, or give its path",
     "PK\003\004|PK\005\006|\037\213|\050\265\057\375|\3757zXZ|BZh91AY|\004\042\115\030"},
    {SURE, "a 7z archive", "unpack it: 7z x FILE", "7z\xBC\xAF\x27\x1C"},
    {SURE, "a rar archive", "unpack it: unrar x FILE", "Rar!\x1A\x07"},
    {BINARY, "packed by lzma", "unpack it: unlzma FILE", "]"},
    {SURE, "a MATLAB file (MAT)", "convert it by scipy.io.loadmat or writematrix", "MATLAB 5.0 MAT"},
    {SURE, "an R workspace (RData)", RSCRIPT("load(\"FILE\"); write.csv(NAME"), "RDX2\n|RDX3\n"},
    {BINARY, "an R object (RDS)", RSCRIPT("write.csv(readRDS(\"FILE\")"), "X\n"},
    {SURE, "a PDF document", "it holds no ratings that can be read", "%PDF-"},
    {TEXT, "a web page (HTML)", "the download wants a login, or another address",
     "<!doctype html|<html|<head"},
    {TEXT, "an XML document", PANDAS("read_xml"), "<?xml|<!doctype"},
    {TEXT, "a Git LFS pointer", "fetch it: git lfs pull", "version https://git-lfs.github.com"},
    {TEXT, "an SQL dump", "load it, and export the table as CSV",
     "-- MySQL dump|-- PostgreSQL database dump|--\n-- PostgreSQL|-- phpMyAdmin|INSERT INTO |CREATE TABLE "
     "|DROP TABLE |PRAGMA foreign_keys"},
    {TEXT, "text for fastText (__label__)", "it holds no users and items", "__label__"},
    {TEXT, "blocks of reviews (SNAP's Amazon sets)",
     "convert them: awk '/^product.productId:/{i=$2} /^review.userId:/{u=$2} "
     "/^review.score:/{print u\",\"i\",\"$2}' FILE > FILE.csv",
     "product/productId: "},
    {TEXT, "an ARFF file (Weka)", "take the lines behind @data as CSV", "@relation"},
};
static const struct foreign cr_only = {TEXT, "a text whose lines end in CR alone (carriage return)",
                                       "convert it: tr '\\r' '\\n' < FILE > FILE.csv", ""};
static const struct foreign blocks = {
    TEXT, "in blocks of 'user|count' (0|2), as in the KDD Cup 2011",
    "convert them: awk -F'\\t' 'NF==1{split($1,u,\"|\");next}{print u[1]\",\"$1\",\"$2}' FILE > FILE.csv",
    ""};

static bool begins_with(const char *bytes, size_t n, enum kind kind, const char *start, size_t length)
{
    unsigned char next = n > length ? (unsigned char)bytes[length] : 'x';

    for (; kind == TEXT && n && *bytes && strchr(" \t\r\n", *bytes); n--)
        bytes++;
    if (kind == TEXT)
        return n >= length && strncasecmp(bytes, start, length) == 0;
    return n > length && memcmp(bytes, start, length) == 0 &&
           (kind == SURE || (next < 0x20 && !(next >= '\t' && next <= '\r')));
}

/* The first line is "0|2", and there are tabs further down. */
static bool is_blocks(const char *bytes, size_t n)
{
    bool whole = memchr(bytes, '\n', n) && memchr(bytes, '\t', n);
    size_t user = whole ? strspn(bytes, "0123456789") : 0;
    size_t count = user && bytes[user] == '|' ? strspn(bytes + user + 1, "0123456789") : 0;

    return count && strchr("\r\n", bytes[user + 1 + count]);
}

static const struct foreign *find(const char *bytes, size_t n)
{
    size_t near = n < 1 << 16 ? n : 1 << 16;
    const char *cr = memchr(bytes, '\r', near);

    for (size_t k = 0; k < sizeof foreign / sizeof *foreign; k++)
        for (const char *start = foreign[k].starts, *stop; *start; start = stop + (*stop == '|')) {
            stop = strchrnul(start, '|');
            if (begins_with(bytes, n, foreign[k].kind, start, (size_t)(stop - start)))
                return &foreign[k];
        }
    if (is_blocks(bytes, near))
        return &blocks;
    return cr && cr != bytes + n - 1 && !memchr(bytes, '\n', near) ? &cr_only : NULL;
}

int foreign_refuse(const char *bytes, size_t n, const char *shown, struct error *err)
{
    const struct foreign *f = find(bytes, n);

    return f ? error_set(err, PT_EDATA, "%s: is %s, which is not read; %s", shown, f->what, f->how) : 0;
}

bool foreign_by_name(const char *name)
{
    static const char *const suffixes[] = {
        ".parquet", ".feather", ".arrow", ".orc",   ".xlsx", ".xls", ".ods", ".npz", ".npy", ".pkl", ".h5",
        ".sqlite",  ".avro",    ".mat",   ".rdata", ".rds",  ".7z",  ".rar", ".sql", ".db",  NULL};

    return text_suffix(name, strlen(name), suffixes);
}

const char *foreign_by_member(const char *name)
{
    size_t n = strlen(name);

    return strcmp(name, "xl/workbook.xml") == 0
               ? "an Excel workbook (.xlsx), which is not read; export its sheet as CSV"
           : strcmp(name, "content.xml") == 0
               ? "an OpenDocument file, which is not read; export its sheet as CSV"
           : n > 4 && strcmp(name + n - 4, ".npy") == 0
               ? "a NumPy archive (.npz), which is not read; write user, item, rating as CSV"
               : NULL;
}
