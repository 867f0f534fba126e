/* One text of ratings: every form that is found out or given, and what is wrong with broken ones. */
#include "support_ratings.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void published_forms(void **state)
{
    (void)state;
    support_text(support_plain, "u.data", "196\t242\t3\t881250949\n186\t302\t4\t-5\n",
                 "196/242=3@881250949 186/302=4@-5");
    support_text(support_plain, "u1.base", "1\t1\t5\t10\n1\t2\t3\t20",
                 "1/1=5@10 1/2=3@20"); /* no newline at the end */
    support_text(support_plain, "ratings.dat", "1::1193::5::978300760\n1::661::3::978302109\n",
                 "1/1193=5@978300760 1/661=3@978302109");
    support_text(support_plain, "ratings.dat", "1::1193::5\n1::661::3\n", "1/1193=5 1/661=3");
    support_text(support_plain, "ratings.csv",
                 "userId,movieId,rating,timestamp\r\n1,31,2.5,1260759144\r\n\r\n7,1029,3.0,1\r\n",
                 "1/31=2.5@1260759144 7/1029=3@1");
}

static void other_forms(void **state)
{
    (void)state;
    support_text(support_plain, "a.csv",
                 "\357\273\277\"User-ID\";\"ISBN\";\"Book-Rating\"\n\"276725\";\"034545104X\";\"0\"\n",
                 "276725/034545104X=0"); /* byte order mark, quotes, semicolons */
    support_text(support_plain, "a.csv", "item_id,user_id\nx,u\ny,u\n", "u/x=1 u/y=1");
    support_text(support_plain, "a.inter",
                 "user_id:token\titem_id:token\trating:float\ttimestamp:float\nu\ti\t4.5\t978300760.0\n",
                 "u/i=4.5@978300760");
    support_text(support_plain, "a.csv", "\"Smith, John\",\"a \"\"b\"\"\",4\nanna , x ,5e-1\n",
                 "Smith, John/a \"b\"=4 anna/x=0.5");
    support_text(support_plain, "a.txt", "u i 3\n  v   j\t4 \n", "u/i=3 v/j=4"); /* any number of blanks */
    support_text(support_plain, "a.psv", "1|2|-1.25\n\303\251|2|8\n", "1/2=-1.25 \303\251/2=8");
    support_text(support_plain, "a.csv", "user,item,rating\n1,2,+3.\n1,3,.5\n1,4,007\n1,5,1e2\n",
                 "1/2=3 1/3=0.5 1/4=7 1/5=100");
    support_text(support_plain, "a.csv", "01,2,3\n1,2,4\n", "01/2=3 1/2=4"); /* ids are strings */
    support_text(support_plain, "a.csv",
                 "user,item,rating,time\na-very-long-user-name,12345678,3,1\n1234567,123456789,4,2\n"
                 "12345678,1,5,123456789012345678\n",
                 "a-very-long-user-name/12345678=3@1 1234567/123456789=4@2 12345678/1=5@123456789012345678");
}

static void a_header_that_contradicts_the_places_is_refused(void **state)
{
    (void)state;
    support_bad_text(support_plain, "a.csv", "userId,rating,timestamp\n1,4,978300760\n2,3,978300761\n", 0,
                     "%/a.csv:1: 'userId,rating,timestamp' | names no item | data.columns=user=userId,item=");
    support_bad_text(support_plain, "a.csv", "movieId,rating\n1,4\n2,3\n", 0,
                     "%/a.csv:1: 'movieId,rating' | names no user | data.columns=");
    support_bad_text(support_plain, "a.csv", "rating,timestamp\n4,978300760\n", 0,
                     "%/a.csv:1: 'rating,timestamp' | names no user and no item | data.columns=");
    support_bad_text(support_plain, "a.csv", "who,what,stars\n1,2,3\n", 0,
                     "%/a.csv:1: | names no user and no item");
    support_text(support_plain, "a.csv", "user,film,rating\n1,2,3\n", "1/2=3");
}

/* What cuts all lines alike is the delimiter, not the first that most lines have. */
/* 30 lines of `form` with ratings of 4.5 and then one that is cut into another number of fields, which is
 * passed over; `columns`: the first three and what is skipped, 0: found out. */
static void one_line_broken(const char *form, const char *broken, int columns)
{
    static const char *const named[] = {"user", "item", "rating", "skip"};
    struct ratings_spec spec = support_plain;
    char *folder = support_folder(), text[2048];
    struct ratings *r;
    size_t n = 0;

    spec.skip_bad = 1;
    spec.columns = columns;
    spec.column = columns ? named : NULL;
    for (int i = 0; i < 30; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, form, i * 3 + 1, i % 7 + 1);
    snprintf(text + n, sizeof text - n, "%s", broken);
    support_write(folder, "a.txt", text, 0);
    r = support_read(spec, folder, "a.txt");
    assert_int_equal(r->n, 30);
    assert_int_equal(idtable_count(r->users), 30);
    assert_int_equal(idtable_count(r->items), 7);
    assert_close((double)r->value[29], 4.5, 0.0, 0.0);
    ratings_free(r);
    support_remove(folder);
}

static void the_delimiter_cuts_all_lines_alike(void **state)
{
    static const char *const columns[] = {"user", "item"};
    struct ratings_spec spec = support_plain;

    (void)state;
    support_text(support_plain, "a.csv", "367;46;3,0\n368;47;4,5\n", "367/46=3 368/47=4.5");
    support_text(support_plain, "a.csv", "user;item;rating\n1;2;4,0\n1;3;3,5\n", "1/2=4 1/3=3.5");
    support_text(support_plain, "a.csv", "user_id|item_id|rating\n1|a,b|3\n1|c,d|4\n", "1/a,b=3 1/c,d=4");
    support_text(support_plain, "a.csv", "1|a,b|3\n1|c,d,e|4\n", "1/a,b=3 1/c,d,e=4");
    support_text(support_plain, "a.csv", "1,2019|US|7\n2,2020|DE|8\n", "1/2019|US|7=1 2/2020|DE|8=1");
    support_text(support_plain, "a.csv", "1,a;b;c\n2,d;e;f\n", "1/a;b;c=1 2/d;e;f=1");
    support_text(support_plain, "a.csv", "1,2;5,3\n1,3;6,4\n", "1/2;5=3 1/3;6=4");
    support_text(support_plain, "a.tsv", "1\ta,b\t3\n1\tc,d\t4\n", "1/a,b=3 1/c,d=4");
    support_bad_text(support_plain, "a.tsv", "1\ta,b\t\n1\tc,d\t\n", 0, "%/a.tsv:1: | field 3 | no numbers");
    support_text(support_plain, "a.dat", "1::a,b::3\n1::c,d::4\n", "1/a,b=3 1/c,d=4");
    spec.columns = 2;
    spec.column = columns;
    support_text(spec, "a.csv", "1,2,3;4\n", "1,2,3/4=1");
    /* a broken line among others does not decide */
    spec = support_plain;
    spec.skip_bad = 1;
    support_text(spec, "a.csv", "1;2;4,0\n1;3;3,5\n1;4\n1;5;3\n", "1/2=4 1/3=3.5 1/5=3");
    one_line_broken("%d\t%d\t4,5\n", "1\t3\t4,5\textra\n", 0);
    one_line_broken("%d;%d;4,5\n", "1;3;4,5;x\n", 0);
    one_line_broken("%d\t%d\t4.5\tFeb 3, 2010\n", "3\t4\tFeb 3, 2010\n", 4);
    one_line_broken("%d::%d::4.5::a|b\n", "3::4::a|b\n", 4);
}

static void decimals_with_a_comma(void **state)
{
    (void)state;
    support_text(support_plain, "a.csv",
                 "user;item;rating\n1;2;0,125\n1;3;-2,5\n1;4;1234,567\n1;5;3\n1;6;1,5e2\n",
                 "1/2=0.125 1/3=-2.5 1/4=1234.57 1/5=3 1/6=150");
    support_text(support_plain, "a.csv", "1,2,\"4,5\"\n1,3,\"3,0\"\n", "1/2=4.5 1/3=3");
    support_bad_text(support_plain, "a.tsv", "1\t2\t3\n1\t3\t1,000\n", 0,
                     "%/a.tsv:2: field 3: rating '1,000' may be a thousand or a fraction: write it with a "
                     "point, or without the comma");
    support_bad_text(support_plain, "a.tsv", "1\t2\t3\n1\t3\t1,000.5\n", 0,
                     "%/a.tsv:2: field 3: rating '1,000.5' is not a number");
}

static void names_of_the_second_choice(void **state)
{
    static const char *const pair[] = {"user", "item"}, *const timed[] = {"user", "item", "time"};
    struct ratings_spec spec = support_plain;

    (void)state;
    support_text(support_plain, "a.csv", "user_id,track_id\n1,17\n2,4\n", "1/17=1 2/4=1");
    support_text(support_plain, "a.csv", "session,page\ns,home\nt,cart\n", "s/home=1 t/cart=1");
    support_text(support_plain, "a.csv", "uid,track\n1,a\n2,b\n", "1/a=1 2/b=1");
    support_text(support_plain, "a.tsv", "follower\tfollowee\n1\t17\n2\t4\n", "1/17=1 2/4=1");
    support_text(support_plain, "a.csv", "track_id,user_id\n17,1\n", "1/17=1");
    support_text(support_plain, "a.csv", "session_id,page,ts\ns,home,1700000000\n", "s/home=1@1700000000");
    support_bad_text(support_plain, "a.csv", "user,film,when\nu,i,3\n", 0,
                     "%/a.csv:1: | when | data.columns=user=user");
    support_text(support_plain, "a.csv", "user,item,ts\nu,i,3\n", "u/i=1@3");
    support_text(support_plain, "a.csv", "user,track,artist_name\nu,i,Abc\n", "u/i=1"); /* no numbers */
    /* counts */
    support_text(support_plain, "a.csv", "user,artist,plays\nu,i,30\n", "u/i=30");
    support_text(support_plain, "a.csv", "user_id,artist_id,play_count\nu,i,30\n", "u/i=30");
    support_bad_text(support_plain, "a.csv", "user_id,item_id,count,rating\nu,i,30,2\n", 0,
                     "%/a.csv:1: | count, rating");
    support_bad_text(support_plain, "a.csv", "user_id,item_id,weight\nu,i,heavy\n", 0,
                     "%/a.csv:2: | rating 'heavy'");
    support_text(support_plain, "a.csv", "No,StockCode,Quantity,Date,CustomerID\n5,a,6,12/1/2010 8:26,u\n",
                 "u/a=6");
    /* an id before a noun; sid beside another item is a session */
    support_text(support_plain, "a.csv", "user_id,movie,movie_id,rating\nu,T,i,3\n", "u/i=3");
    support_text(support_plain, "a.csv", "uid,sid\nu,i\n", "u/i=1");
    support_text(support_plain, "a.csv", "sid,item_id\ns,i\n", "s/i=1");
    support_text(support_plain, "a.csv", "sid,page\ns,i\n", "s/i=1");
    support_text(support_plain, "a.csv", "uid,sid,item_id\nu,s,i\n", "u/i=1");
    support_text(support_plain, "a.csv", "uid,sid,title\nu,i,t\n", "u/i=1");
    /* given columns do not make the header a rating */
    spec.columns = 2;
    spec.column = pair;
    support_text(spec, "a.csv", "user_id,track_id\nu,i\n", "u/i=1");
    support_text(spec, "a.csv", "ab,cd\n1,x\n2,y\n", "1/x=1 2/y=1");
    spec.columns = 3;
    spec.column = timed;
    support_text(spec, "a.csv", "ab,cd,ef\nu,i,7\n", "u/i=1@7");
}

struct bad {
    const char *text;
    size_t bytes; /* 0: up to the zero */
    const char *message;
};

static void refuse_all(const char *name, const struct bad *bad, size_t n)
{
    for (size_t k = 0; k < n; k++)
        support_bad_text(support_plain, name, bad[k].text, bad[k].bytes, bad[k].message);
}

/* Columns are not guessed where a header says what they are in words that are not known. */
static void a_header_of_unknown_names_is_refused(void **state)
{
    static const char *const columns[] = {"item", "user", "rating"};
    static const struct bad bad[] = {
        {"code,shopper,much\na,u,1\nb,u,2\n", 0,
         "%/a.csv:1: 'code,shopper,much' | looks like a header | data.columns="},
        {"code,shopper,much,day\na,u,1,7\nb,u,2,8\n", 0,
         "%/a.csv:1: 'code,shopper,much,day' | looks like a header | data.columns="},
        {"\ncode;shopper;much;a;b\na;u;1;7;\n", 0,
         "%/a.csv:2: 'code;shopper;much;a;b' | looks like a header | data.columns="},
    };
    struct ratings_spec spec = support_plain;

    (void)state;
    refuse_all("a.csv", bad, COUNT(bad));
    spec.columns = 3;
    spec.column = columns;
    support_text(spec, "a.csv", "code,shopper,much\na,u,1\nb,u,2\n", "u/a=1 u/b=2");
    spec.columns = 0;
    spec.header = HEADER_YES;
    support_bad_text(spec, "a.csv", "code,shopper\na,u\nb,u\n", 0,
                     "%/a.csv:1: 'code,shopper' | names no user and no item | data.columns=");
    spec.header = HEADER_NO;
    support_text(spec, "a.csv", "code,shopper\na,u\n", "code/shopper=1 a/u=1");
}

/* A line of words above numbers is a header; of two columns it is not certain. */
static void words_above_numbers_are_a_header(void **state)
{
    static const struct bad bad[] = {
        {"ab,cd\n1,x\n2,y\n", 0,
         "%/a.csv:1: 'ab,cd' | looks like a header | data.columns=user,item; | data.header=no"},
        {"ab,time\nx,y\nz,y\n", 0, "%/a.csv:1: 'ab,time' | names no user and no item | data.header=no"},
        {"ab,cd\nx,y\nz,w\n", 0, "%/a.csv:1: 'ab,cd' | a header of unknown names, or data"},
        {"ab,cd\n1,x\n", 0, "%/a.csv:1: 'ab,cd' | looks like a header"},
    };
    struct ratings_spec spec = support_plain;

    (void)state;
    refuse_all("a.csv", bad, COUNT(bad));
    support_text(support_plain, "a.csv", "ab,7\n1,18\n2,9\n", "ab/7=1 1/18=1 2/9=1");
    spec.header = HEADER_NO;
    support_text(spec, "a.csv", "ab,time\nx,y\n", "ab/time=1 x/y=1");
}

/* Dates are times, in UTC, wherever the machine is. */
static void dates_are_times(void **state)
{
    static const char *const columns[] = {"user", "item", "time"};
    struct ratings_spec spec = support_plain;

    (void)state;
    spec.columns = 3;
    spec.column = columns;
    support_text(spec, "a.csv",
                 "u,a,1970-01-01\nu,b,1969-12-31T23:59:59.5Z\nu,c,2000-02-29 12:30\nu,d,2024-01-01 "
                 "12:30:00\nu,e,2024-01-01T12:30:00.999999+02:00\nu,f,2024-01-01T12:30:00-0530\nu,g,"
                 "9999-12-31T23:59:59Z\nu,h,0001-01-01\nu,i,1704112200\n",
                 "u/a=1@0 u/b=1@-1 u/c=1@951827400 u/d=1@1704112200 u/e=1@1704105000 u/f=1@1704132000 "
                 "u/g=1@253402300799 u/h=1@-62135596800 u/i=1@1704112200");
    support_text(support_plain, "a.csv", "user,item,rating,time\nu,i,3,2024-01-01\n", "u/i=3@1704067200");
    support_text(spec, "a.tsv",
                 "u\ta\t2024/1/31\nu\tb\t31.1.2024\nu\tc\tJan 31, 2024\nu\td\t31-JAN-2024\nu\te\t31 January "
                 "2024 0:00\nu\tf\tJan. 31, 2024, 12:00:00 AM\nu\tg\t2024-1-31 12:30 pm\n",
                 "u/a=1@1706659200 u/b=1@1706659200 u/c=1@1706659200 u/d=1@1706659200 u/e=1@1706659200 "
                 "u/f=1@1706659200 u/g=1@1706704200");
    for (int k = 0; k < 9; k++) {
        static const char *const wrong[] = {"2023-02-29",
                                            "2024-13-01",
                                            "1/2/2024",
                                            "2024-01-01T24:00",
                                            "24-01-01",
                                            "2024-01-01T",
                                            "2024-01-01 12:30:60",
                                            "2024-01-01T12:30 CET",
                                            "2024-01-01T12:30+1"};
        char text[64], message[256];

        snprintf(text, sizeof text, "u,a,%s\n", wrong[k]);
        snprintf(
            message, sizeof message,
            "%%/a.csv:1: field 3: time '%s' is neither a number of seconds nor a date such as 2024-01-31 "
            "or 2024-01-31T12:30:00Z",
            wrong[k]);
        support_bad_text(spec, "a.csv", text, 0, message);
    }
}

/* Times are not learned as ratings because nothing says what the third column is. */
static void times_are_not_taken_for_ratings(void **state)
{
    static const char *const columns[] = {"user", "item", "time"}, *const rated[] = {"user", "item",
                                                                                     "rating"};
    static const char lines[] = "u\ti\t3\nu\tj\t1500000000\n";
    static const struct bad bad[] = {
        {lines, 0, "%/a.tsv:1: | field 3 holds times"},
        {"u\ti\t3\nu\tj\t1500000000000\n", 0, "%/a.tsv:1: | field 3 holds times"},
        {"u\ti\t99999990\n", 0, "%/a.tsv:1: | field 3 holds numbers from 1e+08"},
    };
    struct ratings_spec spec = support_plain;

    (void)state;
    refuse_all("a.tsv", bad, COUNT(bad));
    support_bad_text(spec, "a.csv", "user,film,when\nu,i,1500000000\n", 0, "%/a.csv:1: | when");
    support_text(spec, "a.csv", "user,film,rating\nu,i,1500000000\n", "u/i=1.5e+09");
    support_text(spec, "a.csv", "user,item,rating\nu,i,1500000000\n", "u/i=1.5e+09");
    spec.columns = 3;
    spec.column = columns;
    support_text(spec, "a.tsv", lines, "u/i=1@3 u/j=1@1500000000");
    spec.column = rated;
    support_text(spec, "a.tsv", lines, "u/i=3 u/j=1.5e+09");
}

static void columns_and_delimiter_as_given(void **state)
{
    static const char *const columns[] = {"skip", "item", "user", "time", "rating"};
    struct ratings_spec spec = support_plain;

    (void)state;
    spec.columns = 5;
    spec.column = columns;
    support_text(spec, "a.csv", "x,i,u,7,2\n,j,v,8,3\n", "u/i=2@7 v/j=3@8");
    spec.delimiter = "||";
    support_text(spec, "a.txt", "x||i||u||7||2\n", "u/i=2@7");
    spec.delimiter = "\\t";
    support_text(spec, "a.txt", "x\ti,1\tu\t7\t2\n", "u/i,1=2@7");
    spec.delimiter = "";
    spec.columns = 3;
    spec.header = HEADER_YES;
    support_text(spec, "a.csv", "1,2,3\n4,5,6\n", "6/5=1");
    spec.columns = 0;
    spec.header = HEADER_NO;
    support_bad_text(spec, "a.csv", "user,item,rating\n1,2,3\n", 0,
                     "%/a.csv:1: field 3: rating 'rating' is not a number");
}

static void times_are_kept_only_where_wanted(void **state)
{
    struct ratings_spec spec = support_plain;

    (void)state;
    spec.want_time = false;
    support_text(spec, "u.data", "196\t242\t3\t881250949\n", "196/242=3");
}

static void lists_of_items(void **state)
{
    struct ratings_spec spec = support_plain;

    (void)state;
    support_text(support_plain, "train.txt", "0 10 11 12\n1 11\n2\n3 10 13 14 15 16\n",
                 "0/10=1 0/11=1 0/12=1 1/11=1 3/10=1 3/13=1 3/14=1 3/15=1 3/16=1");
    spec.format = FORMAT_LISTS;
    support_text(spec, "a", "u x\r\nv y\r\n", "u/x=1 v/y=1");
    spec.delimiter = ",";
    support_text(spec, "a", "u 1,x\nv,y,z\n", "u 1/x=1 v/y=1 v/z=1");
}

/* A user without items gets no row. */
static void rows_have_ratings(void **state)
{
    char *folder = support_folder();
    struct ratings *r;

    (void)state;
    support_write(folder, "l.txt", "2\n0 11 10 12\n1 11\n", 0);
    r = support_read(support_plain, folder, "l.txt");
    assert_int_equal(idtable_count(r->users), 2);
    assert_int_equal(idtable_find(r->users, "2", 1), -1);
    assert_string_equal(idtable_name(r->users, 0), "0");
    ratings_free(r);
    support_remove(folder);
}

/* Nor one whose line is bad, wherever in it: what repeats a pair is found all the same. */
static void users_without_items_hide_no_duplicates(void **state)
{
    static const char *const text[] = {"0 10 11\n1 11\n9\n8\n0 10\n2 10 12 13 14\n",
                                       "0 10 11\n1 11\n9 a\0\n8 b c\0\n0 10\n2 10 12 13 14\n"};
    static const size_t bytes[] = {36, 44};
    struct ratings_spec spec = support_plain;
    char *folder = support_folder();

    (void)state;
    spec.format = FORMAT_LISTS;
    spec.skip_bad = 1;
    for (size_t k = 0; k < COUNT(text); k++) {
        struct ratings *r;

        support_write(folder, "l.txt", text[k], bytes[k]);
        r = support_read(spec, folder, "l.txt");
        support_expect(r, "0/11=1 1/11=1 0/10=1 2/10=1 2/12=1 2/13=1 2/14=1");
        assert_int_equal(r->duplicates, 1);
        assert_int_equal(r->lines_bad, k == 0 ? 0 : 2);
        assert_int_equal(idtable_count(r->users), 3);
        assert_int_equal(idtable_count(r->items), 5);
        ratings_free(r);
    }
    support_remove(folder);
}

static void bad_tabs(void **state)
{
    static const struct bad bad[] = {
        {"1\t2\t3\t4\n1\t3\t4\n", 0, "%/u.data:2: 3 fields where 4 are expected (user, item, rating, time)"},
        {"1\t2\t3\t4\n1\t3\t4\t5\t6\n", 0,
         "%/u.data:2: 5 fields where 4 are expected (user, item, rating, time)"},
        {"1\t2\t3\t4\n1\t3\tgood\t5\n", 0, "%/u.data:2: field 3: rating 'good' is not a number"},
        {"1\t2\t3\t4\n1\t3\tnan\t5\n", 0, "%/u.data:2: field 3: rating 'nan' is not finite"},
        {"1\t2\t3\t4\n1\t3\t-Infinity\t5\n", 0, "%/u.data:2: field 3: rating '-Infinity' is not finite"},
        {"1\t2\t3\t4\n1\t3\t1e39\t5\n", 0, "%/u.data:2: field 3: rating '1e39' is too large"},
        {"1\t2\t3\t4\n1\t3\t0x10\t5\n", 0, "%/u.data:2: field 3: rating '0x10' is not a number"},
        {"1\t2\t3\t4\n\t3\t4\t5\n", 0, "%/u.data:2: field 1: the user is empty"},
        {"1\t2\t3\t4\n1\t \t4\t5\n", 0, "%/u.data:2: field 2: the item is empty"},
        {"1\t2\t3\t4\n1\t3\t\t5\n", 0, "%/u.data:2: field 3: the rating is empty"},
        {"1\t2\t3\t4\n\n\n1\t3\t4\tMonday\n", 0,
         "%/u.data:4: field 4: time 'Monday' is neither a number of seconds nor a date such as 2024-01-31 or "
         "2024-01-31T12:30:00Z"},
        {"1\t2\t3\t4\n1\t3\t4\t99999999999999999999\n", 0,
         "%/u.data:2: field 4: time '99999999999999999999' does not fit 64 bits"},
        {"1\t2\t3\t4\n1\t3\0x\t4\t5\n", 18, "%/u.data:2: field 2: item '3?x' holds a zero byte"},
        {"1\t2\t3\t4\n1\t\033[2J\t4", 0,
         "%/u.data:2: 3 fields where 4 are expected (user, item, rating, time)"},
        {"1\t2\t3\t4\n1\t2\t\033[2J\t4", 0, "%/u.data:2: field 3: rating '?[2J' is not a number"},
        {"\377\3761\0\t\0", 6, "%/u.data: is UTF-16 text; convert it to UTF-8"},
        {"", 0, "%/u.data: is empty"},
        {"\n \n\r\n", 0, "%/u.data: is empty"},
    };

    (void)state;
    refuse_all("u.data", bad, COUNT(bad));
}

static void bad_colons(void **state)
{
    static const struct bad bad[] = {
        {"1::2::3::4\n1::3::4\n", 0,
         "%/ratings.dat:2: 3 fields where 4 are expected (user, item, rating, time)"},
        {"1::2::3\n1::3::4::5\n", 0, "%/ratings.dat:2: 4 fields where 3 are expected (user, item, rating)"},
        {"1::2::3\n1:3:4\n1::4::5\n", 0,
         "%/ratings.dat:2: 1 field where 3 are expected (user, item, rating); fields are cut at '::': is "
         "another data.delimiter wanted?"},
        {"1::2::3\n1::2:3\n1::2::3\n", 0,
         "%/ratings.dat:2: 2 fields where 3 are expected (user, item, rating)"},
        {"1::2::3\n::2::3\n", 0, "%/ratings.dat:2: field 1: the user is empty"},
        {"1::2::3\n1::::3\n", 0, "%/ratings.dat:2: field 2: the item is empty"},
        {"1::2::3\n1::3::\n", 0, "%/ratings.dat:2: field 3: the rating is empty; data.missing=skip leaves "},
        {"1::2::3\n1::3::4;\n", 0, "%/ratings.dat:2: field 3: rating '4;' is not a number"},
        {"1::2::3\n1::3::4e\n", 0, "%/ratings.dat:2: field 3: rating '4e' is not a number"},
        {"1::2::3::4\n1::3::4::4.5.6\n", 0,
         "%/ratings.dat:2: field 4: time '4.5.6' is neither a number of seconds nor a date such as "
         "2024-01-31 or "
         "2024-01-31T12:30:00Z"},
    };

    (void)state;
    refuse_all("ratings.dat", bad, COUNT(bad));
}

static void bad_commas(void **state)
{
    static const struct bad bad[] = {
        {"userId,movieId,rating\n", 0, "%/ratings.csv: holds no ratings"},
        {"userId,movieId,rating\n1,2,3\n1,2\n", 0,
         "%/ratings.csv:3: 2 fields where 3 are expected (user, item, rating)"},
        {"userId,movieId,rating,tag,timestamp\n1,2,3,x,4\n1,2,3,4\n", 0,
         "%/ratings.csv:3: 4 fields where 5 are expected (user, item, rating, skip, time)"},
        {"userId,movieId,rating\n1,\"2,3\n", 0, "%/ratings.csv:2: a quoted field is not closed"},
        {"userId,movieId,rating\n1,\"2\"x,3\n", 0, "%/ratings.csv:2: text follows the closing quote"},
        {"userId,movieId,rating\n1,\"\",3\n", 0, "%/ratings.csv:2: field 2: the item is empty"},
        {"userId,movieId,rating\r\n1,2,3,\r\n", 0,
         "%/ratings.csv:2: 4 fields where 3 are expected (user, item, rating)"},
        {"userId,movieId,rating\r\n1,2,3\r\n1,2,--3\r\n", 0,
         "%/ratings.csv:3: field 3: rating '--3' is not a number"},
        {"userId,movieId,rating\n1,2,3\nmovieId,userId,rating\n", 0, "%/ratings.csv:3: a header again"},
        {"1,2,3,4,5\n", 0, "%/ratings.csv:1: '1,2,3,4,5': lines of 5 fields | data.columns="},
        {"justone\n", 0, "%/ratings.csv:1: 'justone': lines of 1 field | data.columns"},
        {"1,2,3\n1,2,1_000\n", 0, "%/ratings.csv:2: field 3: rating '1_000' is not a number"},
    };

    (void)state;
    refuse_all("ratings.csv", bad, COUNT(bad));
}

/* What the user may have meant is said along. */
static void messages_say_what_to_do(void **state)
{
    static const char *const columns[] = {"user", "item", "rating"};
    struct ratings_spec spec = support_plain;

    (void)state;
    support_bad_text(
        spec, "a.tsv", "1\t2\n1;2\n3\t4\n", 0,
        "%/a.tsv:2: 1 field where 2 are expected (user, item); fields are cut at '\\t': is another "
        "data.delimiter wanted?");
    support_bad_text(spec, "a.csv", "code,buyer,bought\na,b,Monday\n", 0,
                     "%/a.csv:1: 'code,buyer,bought' | names no item");
    support_bad_text(support_plain, "a.json", "{\"u1\": {\"a\": 1}, \"u2\": {\"a\": 2}}\n", 0,
                     "%/a.json:1: | JSON object names no user and no item | one object a line");
    support_bad_text(support_plain, "a.csv", "user,a1,a2,a3,a4,a5,a6,a7,a8,a9,b1\nx,1,2,3,4,5,1,2,3,4,5\n", 0,
                     "%/a.csv:1: | names no item | data.format=matrix");
    support_bad_text(spec, "a.csv", "code,buyer,bought\na,b,2020-01-01\n", 0,
                     "%/a.csv:1: 'code,buyer,bought' | names no item");
    support_bad_text(spec, "a.csv", "a,b,1\na,c,2020-01-01\n", 0,
                     "%/a.csv:2: field 3: rating '2020-01-01' is not a number but a date; is it the time? "
                     "data.columns says what each column is");
    support_bad_text(spec, "a.csv", "1;2;4\n1;3;3,5,1\n", 0,
                     "%/a.csv:2: field 3: rating '3,5,1' is not a number");
    spec.columns = 3;
    spec.column = columns;
    support_bad_text(spec, "a.csv", "a;b;c\n", 0, "%/a.csv:1: field 3: rating 'c' is not a number");
}

static void bad_lists(void **state)
{
    static const struct bad bad[] = {
        {"", 0, "%/l.txt: is empty"},
        {"\n\n", 0, "%/l.txt: is empty"},
        {"u\nv\n", 0, "%/l.txt: holds no ratings"},
        {"u a b\nv a\0b c\n", 14, "%/l.txt:2: item 'a?b' holds a zero byte"},
        {"u a b\n\0 c\n", 10, "%/l.txt:2: user '?' holds a zero byte"},
        {"u a b\n\nv a a c\n", 0,
         "%/l.txt: user 'v', item 'a' stands twice (ratings 3 and 4); data.duplicates says what "
         "to do"},
        {"\376\377\0u", 4, "%/l.txt: is UTF-16 text; convert it to UTF-8"},
        {"u a\nv\x1f\x8b b\0\n", 10, "%/l.txt:2: user | holds a control character"},
    };

    struct ratings_spec spec = support_plain;

    (void)state;
    spec.format = FORMAT_LISTS;
    spec.duplicates = DUPLICATES_ERROR;
    for (size_t k = 0; k < COUNT(bad); k++)
        support_bad_text(spec, "l.txt", bad[k].text, bad[k].bytes, bad[k].message);
    {
        char *long_id = calloc(1, 5000), *folder = support_folder();

        memset(long_id, 'x', 4998);
        memcpy(long_id, "u ", 2);
        support_write(folder, "l.txt", long_id, 0);
        support_refuse(
            spec, folder, "l.txt", PT_EDATA,
            "%/l.txt:1: item 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...' is longer than 4096 bytes");
        free(long_id);
        support_remove(folder);
    }
}

static void bad_settings(void **state)
{
    static const char *const cases[][3] = {
        {"user", "thing", "data.columns: 'thing' is none of user, item, rating, time, skip"},
        {"user", "user", "data.columns: user stands twice"},
        {"user", "rating", "data.columns: user and item must be among them"},
    };
    struct ratings_spec spec = support_plain;
    char *folder = support_folder();

    (void)state;
    support_write(folder, "a.csv", "1,2\n", 0);
    spec.columns = 2;
    for (size_t k = 0; k < COUNT(cases); k++) {
        spec.column = cases[k];
        support_refuse(spec, folder, "a.csv", PT_ECONFIG, cases[k][2]);
    }
    spec.columns = 0;
    spec.delimiter = "12345678901234567";
    support_refuse(spec, folder, "a.csv", PT_ECONFIG,
                   "data.delimiter: at most 15 characters, none of them a quote or a line end");
    support_remove(folder);
}

static void bad_lines_are_counted_where_they_are_skipped(void **state)
{
    struct ratings_spec spec = support_plain;
    char *folder = support_folder();
    struct ratings *r;

    (void)state;
    spec.skip_bad = 1;
    support_write(folder, "a.csv", "1,2,3\n1,2\n1,x,y\n\n,1,1\n1,4,5\n", 0);
    r = support_read(spec, folder, "a.csv");
    support_expect(r, "1/2=3 1/4=5");
    assert_int_equal(r->lines_read, 5);
    assert_int_equal(r->lines_bad, 3);
    ratings_free(r);
    support_write(folder, "b.csv", "1,2,x\n1,3,y\n", 0);
    support_refuse(spec, folder, "b.csv", PT_EDATA, "%/b.csv:1: | no numbers");
    support_remove(folder);
}

/* A line of 17 MiB in the middle, and a file that is one line of 40 MiB. */
static void very_long_lines(void **state)
{
    size_t n = (size_t)40 << 20;
    char *text = malloc(n), *folder = support_folder();

    (void)state;
    assert_non_null(text);
    memset(text, 'x', n);
    support_write(folder, "a.csv", text, n);
    support_refuse(support_plain, folder, "a.csv", PT_EDATA, "%/a.csv:1: the line is longer than 16 MiB");
    memcpy(text, "1,2,3\n", 6);
    text[(17 << 20) + 6] = '\n';
    memcpy(text + (17 << 20) + 7, "1,3,3\n", 6);
    support_write(folder, "b.csv", text, (17 << 20) + 13);
    support_refuse(support_plain, folder, "b.csv", PT_EDATA, "%/b.csv:2: the line is longer than 16 MiB");
    free(text);
    support_remove(folder);
}

/* Many blocks: every rating is there, and an error far behind has its line's number. */
static void blocks_meet_without_a_seam(void **state)
{
    enum { N = 900000 };
    char *folder = support_folder(), path[4096];
    struct ratings *r;
    FILE *f;

    (void)state;
    snprintf(path, sizeof path, "%s/big.csv", folder);
    f = fopen(path, "wb");
    assert_non_null(f);
    fprintf(f, "userId,movieId,rating,timestamp\n");
    for (int64_t k = 0; k < N; k++)
        fprintf(f, "%lld,%lld,%.1f,%lld\n", (long long)(k / 50), (long long)(k % 50 * 31 + k / 50 % 7),
                (double)(k % 10 + 1) / 2, (long long)(1000000000 + k));
    fclose(f);
    r = support_read(support_plain, folder, "big.csv");
    assert_int_equal(r->n, N);
    assert_int_equal(idtable_count(r->users), N / 50);
    for (int64_t k = 0; k < N; k++) {
        assert_int_equal(r->user[k], k / 50);
        assert_true(r->value[k] == (float)(k % 10 + 1) / 2);
        assert_int_equal(r->time[k], 1000000000 + k);
        assert_int_equal(atoi(idtable_name(r->items, r->item[k])), k % 50 * 31 + k / 50 % 7);
    }
    ratings_free(r);
    f = fopen(path, "ab");
    assert_non_null(f);
    fprintf(f, "1,2,three,4\n");
    fclose(f);
    support_refuse(support_plain, folder, "big.csv", PT_EDATA,
                   "%/big.csv:900002: field 3: rating 'three' is not a number");
    support_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_forms),
        cmocka_unit_test(other_forms),
        cmocka_unit_test(the_delimiter_cuts_all_lines_alike),
        cmocka_unit_test(decimals_with_a_comma),
        cmocka_unit_test(names_of_the_second_choice),
        cmocka_unit_test(words_above_numbers_are_a_header),
        cmocka_unit_test(dates_are_times),
        cmocka_unit_test(a_header_that_contradicts_the_places_is_refused),
        cmocka_unit_test(a_header_of_unknown_names_is_refused),
        cmocka_unit_test(times_are_not_taken_for_ratings),
        cmocka_unit_test(columns_and_delimiter_as_given),
        cmocka_unit_test(times_are_kept_only_where_wanted),
        cmocka_unit_test(lists_of_items),
        cmocka_unit_test(rows_have_ratings),
        cmocka_unit_test(users_without_items_hide_no_duplicates),
        cmocka_unit_test(bad_tabs),
        cmocka_unit_test(bad_colons),
        cmocka_unit_test(bad_commas),
        cmocka_unit_test(bad_lists),
        cmocka_unit_test(messages_say_what_to_do),
        cmocka_unit_test(bad_settings),
        cmocka_unit_test(bad_lines_are_counted_where_they_are_skipped),
        cmocka_unit_test(very_long_lines),
        cmocka_unit_test(blocks_meet_without_a_seam),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
