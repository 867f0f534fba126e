#include "read/foreign.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define PANDAS(reader)                                                                                       \
    "python3 -c \"import pandas; pandas." reader "('FILE').to_csv('FILE.csv', index=False)\""

enum kind {
    BINARY, /* these bytes, and then a control character: an id may begin with the letters */
    SURE,   /* these bytes */
    TEXT,   /* this word, in any case, behind blanks */
};

static const struct foreign {
    const char *bytes;
    size_t length;
    enum kind kind;
    const char *what;
} foreign[] = {
    {"PAR1", 4, BINARY, "a Parquet file, which is not read; convert it: " PANDAS("read_parquet")},
    {"Obj\x01", 4, SURE,
     "an Avro file, which is not read; convert it with Python's fastavro, or Spark's write.csv"},
    {"ARROW1", 6, BINARY, "an Arrow file, which is not read; convert it: " PANDAS("read_feather")},
    {"FEA1", 4, BINARY, "a Feather file, which is not read; convert it: " PANDAS("read_feather")},
    {"ORC", 3, BINARY, "an ORC file, which is not read; convert it: " PANDAS("read_orc")},
    {"\x89HDF\r\n\x1a\n", 8, SURE, "an HDF5 file, which is not read; convert it: " PANDAS("read_hdf")},
    {"\x93NUMPY", 6, BINARY,
     "a NumPy array, which is not read; convert it: python3 -c \"import numpy; "
     "numpy.savetxt('FILE.csv', numpy.load('FILE'), fmt='%g', delimiter=',')\""},
    {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8, SURE,
     "an old Excel workbook (.xls), which is not read; save its sheet as CSV: libreoffice --convert-to csv "
     "FILE"},
    {"SQLite format 3", 15, BINARY,
     "an SQLite database, which is not read; convert it: sqlite3 -header -csv FILE 'select user, item, "
     "rating from TABLE'"},
    {"\x80\x02", 2, SURE, "a Python pickle, which is not read; convert it: " PANDAS("read_pickle")},
    {"\x80\x03", 2, SURE, "a Python pickle, which is not read; convert it: " PANDAS("read_pickle")},
    {"\x80\x04\x95", 3, SURE, "a Python pickle, which is not read; convert it: " PANDAS("read_pickle")},
    {"\x80\x05\x95", 3, SURE, "a Python pickle, which is not read; convert it: " PANDAS("read_pickle")},
    {"7z\xBC\xAF\x27\x1C", 6, SURE, "a 7z archive, which is not read; unpack it: 7z x FILE"},
    {"Rar!\x1A\x07", 6, SURE, "a rar archive, which is not read; unpack it: unrar x FILE"},
    {"\x5d\x00\x00", 3, SURE, "packed by lzma, which is not read; unpack it: unlzma FILE"},
    {"MATLAB 5.0 MAT", 14, SURE,
     "a MATLAB file (MAT), which is not read; convert it by scipy.io.loadmat or writematrix"},
    {"RDX2\n", 5, SURE,
     "an R workspace (RData), which is not read; convert it: Rscript -e 'load(\"FILE\"); "
     "write.csv(NAME, \"FILE.csv\", row.names = FALSE)'"},
    {"RDX3\n", 5, SURE,
     "an R workspace (RData), which is not read; convert it: Rscript -e 'load(\"FILE\"); "
     "write.csv(NAME, \"FILE.csv\", row.names = FALSE)'"},
    {"X\n\0\0\0", 5, SURE,
     "an R object (RDS), which is not read; convert it: Rscript -e 'write.csv(readRDS(\"FILE\"), "
     "\"FILE.csv\", row.names = FALSE)'"},
    {"%PDF-", 5, SURE, "a PDF document, which holds no ratings that can be read"},
    {"<!doctype html", 14, TEXT,
     "a web page (HTML), not ratings: the download wants a login, or another address"},
    {"<html", 5, TEXT, "a web page (HTML), not ratings: the download wants a login, or another address"},
    {"<head", 5, TEXT, "a web page (HTML), not ratings: the download wants a login, or another address"},
    {"<?xml", 5, TEXT, "an XML document, which is not read; convert it: " PANDAS("read_xml")},
    {"<!doctype", 9, TEXT, "an XML document, which is not read; convert it: " PANDAS("read_xml")},
    {"version https://git-lfs.github.com", 34, TEXT,
     "a Git LFS pointer, not the file; fetch it: git lfs pull"},
    {"-- MySQL dump", 13, TEXT, "an SQL dump, which is not read; load it, and export the table as CSV"},
    {"-- PostgreSQL database dump", 27, TEXT,
     "an SQL dump, which is not read; load it, and export the table as CSV"},
    {"--\n-- PostgreSQL", 16, TEXT, "an SQL dump, which is not read; load it, and export the table as CSV"},
    {"-- phpMyAdmin", 13, TEXT, "an SQL dump, which is not read; load it, and export the table as CSV"},
    {"INSERT INTO ", 12, TEXT, "an SQL dump, which is not read; load it, and export the table as CSV"},
    {"CREATE TABLE ", 13, TEXT, "an SQL dump, which is not read; load it, and export the table as CSV"},
    {"DROP TABLE ", 11, TEXT, "an SQL dump, which is not read; load it, and export the table as CSV"},
    {"PRAGMA foreign_keys", 19, TEXT, "an SQL dump, which is not read; load it, and export the table as CSV"},
    {"__label__", 9, TEXT, "text for fastText (__label__), which holds no users and items"},
    {"product/productId: ", 19, TEXT,
     "blocks of reviews (SNAP's Amazon sets), which are not read; convert them: awk "
     "'/^product.productId:/{i=$2} "
     "/^review.userId:/{u=$2} /^review.score:/{print u\",\"i\",\"$2}' FILE > FILE.csv"},
    {"@relation", 9, TEXT, "an ARFF file (Weka), which is not read; take the lines behind @data as CSV"},
};

static bool begins_with_word(const char *bytes, size_t n, const struct foreign *f)
{
    while (n && strchr(" \t\r\n", *bytes) && *bytes) {
        bytes++;
        n--;
    }
    return n >= f->length && strncasecmp(bytes, f->bytes, f->length) == 0;
}

const char *foreign_of_bytes(const char *bytes, size_t n)
{
    size_t most = n < 1 << 16 ? n : 1 << 16;

    for (size_t k = 0; k < sizeof foreign / sizeof *foreign; k++) {
        const struct foreign *f = &foreign[k];
        unsigned char next = n > f->length ? (unsigned char)bytes[f->length] : 'x';
        bool control = next < 0x20 && !(next >= '\t' && next <= '\r');

        if (f->kind == TEXT
                ? begins_with_word(bytes, n, f)
                : n > f->length && memcmp(bytes, f->bytes, f->length) == 0 && (control || f->kind == SURE))
            return f->what;
    }
    if (memchr(bytes, '\r', most) && !memchr(bytes, '\n', most) && memchr(bytes, '\r', most) != bytes + n - 1)
        return "a text whose lines end in CR alone (carriage return), which is not read; convert it: tr "
               "'\\r' '\\n' < "
               "FILE > FILE.csv";
    return NULL;
}

int foreign_by_name(const char *name)
{
    static const char *const suffixes[] = {
        ".parquet", ".feather", ".arrow", ".orc", ".xlsx",  ".xls", ".ods", ".npz", ".npy", ".pkl",
        ".h5",      ".sqlite",  ".avro",  ".mat", ".rdata", ".rds", ".7z",  ".rar", ".sql", ".db"};
    size_t n = strlen(name);

    for (size_t k = 0; k < sizeof suffixes / sizeof *suffixes; k++) {
        size_t s = strlen(suffixes[k]);

        if (n > s && strcasecmp(name + n - s, suffixes[k]) == 0)
            return 1;
    }
    return 0;
}
