#include "read/foreign.h"

#include <stdbool.h>
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

static const char web_page[] = "a web page (HTML), not ratings", sql[] = "an SQL dump, which is not read";
static const char pickle[] = "a Python pickle, which is not read", unpickle[] = PANDAS("read_pickle");
static const char workspace[] = "an R workspace (RData), which is not read";
static const char login[] = "the download wants a login, or another address";
static const char load[] = "load it, and export the table as CSV",
                  xml[] = "an XML document, which is not read";
static const char save[] = RSCRIPT("load(\"FILE\"); write.csv(NAME");

static const struct foreign {
    const char *bytes;
    size_t length;
    enum kind kind;
    const char *what, *how;
} foreign[] = {
    {"PAR1", 4, BINARY, "a Parquet file, which is not read", PANDAS("read_parquet")},
    {"Obj\x01", 4, SURE, "an Avro file, which is not read",
     "convert it with Python's fastavro, or Spark's write.csv"},
    {"ARROW1", 6, BINARY, "an Arrow file, which is not read", PANDAS("read_feather")},
    {"FEA1", 4, BINARY, "a Feather file, which is not read", PANDAS("read_feather")},
    {"ORC", 3, BINARY, "an ORC file, which is not read", PANDAS("read_orc")},
    {"\x89HDF\r\n\x1a\n", 8, SURE, "an HDF5 file, which is not read", PANDAS("read_hdf")},
    {"\x93NUMPY", 6, BINARY, "a NumPy array, which is not read",
     "convert it: python3 -c \"import numpy; numpy.savetxt('FILE.csv', numpy.load('FILE'), fmt='%g', "
     "delimiter=',')\""},
    {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8, SURE, "an old Excel workbook (.xls), which is not read",
     "save its sheet as CSV: libreoffice --convert-to csv FILE"},
    {"SQLite format 3", 15, BINARY, "an SQLite database, which is not read",
     "convert it: sqlite3 -header -csv FILE 'select user, item, rating from TABLE'"},
    {"\x80\x02", 2, SURE, pickle, unpickle},
    {"\x80\x03", 2, SURE, pickle, unpickle},
    {"\x80\x04\x95", 3, SURE, pickle, unpickle},
    {"\x80\x05\x95", 3, SURE, pickle, unpickle},
    {"7z\xBC\xAF\x27\x1C", 6, SURE, "a 7z archive, which is not read", "unpack it: 7z x FILE"},
    {"Rar!\x1A\x07", 6, SURE, "a rar archive, which is not read", "unpack it: unrar x FILE"},
    {"\x5d\x00\x00", 3, SURE, "packed by lzma, which is not read", "unpack it: unlzma FILE"},
    {"MATLAB 5.0 MAT", 14, SURE, "a MATLAB file (MAT), which is not read",
     "convert it by scipy.io.loadmat or writematrix"},
    {"RDX2\n", 5, SURE, workspace, save},
    {"RDX3\n", 5, SURE, workspace, save},
    {"X\n\0\0\0", 5, SURE, "an R object (RDS), which is not read", RSCRIPT("write.csv(readRDS(\"FILE\")")},
    {"%PDF-", 5, SURE, "a PDF document", "it holds no ratings that can be read"},
    {"<!doctype html", 14, TEXT, web_page, login},
    {"<html", 5, TEXT, web_page, login},
    {"<head", 5, TEXT, web_page, login},
    {"<?xml", 5, TEXT, xml, PANDAS("read_xml")},
    {"<!doctype", 9, TEXT, xml, PANDAS("read_xml")},
    {"version https://git-lfs.github.com", 34, TEXT, "a Git LFS pointer, not the file",
     "fetch it: git lfs pull"},
    {"-- MySQL dump", 13, TEXT, sql, load},
    {"-- PostgreSQL database dump", 27, TEXT, sql, load},
    {"--\n-- PostgreSQL", 16, TEXT, sql, load},
    {"-- phpMyAdmin", 13, TEXT, sql, load},
    {"INSERT INTO ", 12, TEXT, sql, load},
    {"CREATE TABLE ", 13, TEXT, sql, load},
    {"DROP TABLE ", 11, TEXT, sql, load},
    {"PRAGMA foreign_keys", 19, TEXT, sql, load},
    {"__label__", 9, TEXT, "text for fastText (__label__)", "it holds no users and items"},
    {"product/productId: ", 19, TEXT, "blocks of reviews (SNAP's Amazon sets), which are not read",
     "convert them: awk '/^product.productId:/{i=$2} /^review.userId:/{u=$2} "
     "/^review.score:/{print u\",\"i\",\"$2}' FILE > FILE.csv"},
    {"@relation", 9, TEXT, "an ARFF file (Weka), which is not read", "take the lines behind @data as CSV"},
};
static const struct foreign cr_only = {
    NULL, 0, TEXT, "a text whose lines end in CR alone (carriage return), which is not read",
    "convert it: tr '\\r' '\\n' < FILE > FILE.csv"};

static bool begins_with(const char *bytes, size_t n, const struct foreign *f)
{
    unsigned char next = n > f->length ? (unsigned char)bytes[f->length] : 'x';

    for (; f->kind == TEXT && n && strchr(" \t\r\n", *bytes) && *bytes; n--)
        bytes++;
    if (f->kind == TEXT)
        return n >= f->length && strncasecmp(bytes, f->bytes, f->length) == 0;
    return n > f->length && memcmp(bytes, f->bytes, f->length) == 0 &&
           (f->kind == SURE || (next < 0x20 && !(next >= '\t' && next <= '\r')));
}

static const struct foreign *find(const char *bytes, size_t n)
{
    const char *cr = memchr(bytes, '\r', n < 1 << 16 ? n : 1 << 16);

    for (size_t k = 0; k < sizeof foreign / sizeof *foreign; k++)
        if (begins_with(bytes, n, &foreign[k]))
            return &foreign[k];
    return cr && cr != bytes + n - 1 && !memchr(bytes, '\n', n < 1 << 16 ? n : 1 << 16) ? &cr_only : NULL;
}

int foreign_refuse(const char *bytes, size_t n, const char *shown, struct error *err)
{
    const struct foreign *f = find(bytes, n);

    return f ? error_set(err, PT_EDATA, "%s: is %s; %s", shown, f->what, f->how) : 0;
}

bool foreign_by_name(const char *name)
{
    static const char *const suffixes[] = {
        ".parquet", ".feather", ".arrow", ".orc", ".xlsx",  ".xls", ".ods", ".npz", ".npy", ".pkl",
        ".h5",      ".sqlite",  ".avro",  ".mat", ".rdata", ".rds", ".7z",  ".rar", ".sql", ".db"};
    const char *dot = strrchr(name, '.');

    for (size_t k = 0; dot && dot > name && k < sizeof suffixes / sizeof *suffixes; k++)
        if (strcasecmp(dot, suffixes[k]) == 0)
            return true;
    return false;
}

const char *foreign_by_member(const char *name)
{
    return strcmp(name, "xl/workbook.xml") == 0 ? "an Excel workbook (.xlsx)"
           : strcmp(name, "content.xml") == 0   ? "an OpenDocument file"
                                                : NULL;
}
