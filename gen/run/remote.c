#include "run/remote.h"
#include "base/diag.h"
#include "base/os.h"
#include "base/sha256.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECT_MS = 1000,
    WHOLE_MS = 4000,   /* half of it is so slow that it is no help */
    BARE_SECONDS = 60, /* how long a bare ninja leaves a server alone that has failed */
    LONGEST = 64 << 20,
    STDOUT_RAW = 0x2a /* field 5, bytes */
};

/* The part of libcurl that is used. */
static struct curl {
    bool tried;
    CURL *handle;
    CURL *(*easy_init)(void);
    CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
    CURLcode (*easy_perform)(CURL *);
    CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
    const char *(*easy_strerror)(CURLcode);
    struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
    void (*slist_free_all)(struct curl_slist *);
    void (*easy_reset)(CURL *);
} curl;

static bool find_symbols(void *library) {
    const struct {
        const char *name;
        void *to;
    } symbols[] = {{"curl_easy_init", &curl.easy_init},           {"curl_easy_setopt", &curl.easy_setopt},
                   {"curl_easy_perform", &curl.easy_perform},     {"curl_easy_getinfo", &curl.easy_getinfo},
                   {"curl_easy_strerror", &curl.easy_strerror},   {"curl_slist_append", &curl.slist_append},
                   {"curl_slist_free_all", &curl.slist_free_all}, {"curl_easy_reset", &curl.easy_reset}};
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        void *found = dlsym(library, symbols[i].name);
        if (!found)
            return false;
        memcpy(symbols[i].to, &found, sizeof found);
    }
    return true;
}

static bool load(void) {
    static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};
    for (size_t i = 0; i < sizeof names / sizeof *names && !curl.tried; i++) {
        void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (library && find_symbols(library))
            curl.handle = curl.easy_init();
        curl.tried = library != NULL;
    }
    curl.tried = true;
    return curl.handle;
}

/* How long one request may take. */
static long limit_ms(void) {
    const char *seconds = getenv("TESTFAN_REMOTE_CACHE_TIMEOUT");
    double limit = seconds ? strtod(seconds, NULL) : 0;
    return limit > 0 && limit < 3600 ? (long)(limit * 1000) : WHOLE_MS;
}

static const char *mark_of(const struct remote *r, const char *what) {
    return r->marks ? arena_printf(r->arena, "%s/remote-%s", r->marks, what)
                    : arena_printf(r->arena, ".testfan/tmp/remote-%s", what);
}

static bool has_failed(const struct remote *r, const char *what) {
    struct os_stat st;
    return os_stat(mark_of(r, what), &st) &&
           (r->marks || st.mtime_ns / 1000000000 + BARE_SECONDS > (int64_t)time(NULL));
}

/* Without a name and a password. */
static const char *public_url(const struct remote *r) {
    const char *host = strstr(r->url, "://"), *at = host ? strchr(host, '@') : NULL;
    return at ? arena_printf(r->arena, "%.*s%s", (int)(host + 3 - r->url), r->url, at + 1) : r->url;
}

/* The first to fail says so. */
static void fail(const struct remote *r, const char *what, const char *why) {
    const char *mark = mark_of(r, what);
    if (!r->marks && !has_failed(r, what))
        unlink(mark);
    int fd = open(mark, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return;
    close(fd);
    bool put = strcmp(what, "put") == 0;
    diag(DIAG_REMOTE_CACHE, public_url(r), 0, 0, "%s: %s", put ? "takes no results" : "cannot be used", why);
    hint("the run goes on without it; TESTFAN_REMOTE_CACHE= turns it off");
}

struct transfer {
    struct buf *in;
    const char *out; /* n bytes, or NULL */
    size_t n;
};

static size_t receive(char *bytes, size_t size, size_t n, void *ctx) {
    struct transfer *t = ctx;
    if (t->in && t->in->len + size * n > LONGEST)
        return 0;
    if (t->in)
        buf_add(t->in, bytes, size * n);
    return size * n;
}

static struct curl_slist *headers(const struct remote *r) {
    struct curl_slist *list = curl.slist_append(NULL, "Expect:");
    list = curl.slist_append(list, "Content-Type: application/octet-stream");
    if (r->token)
        list = curl.slist_append(list, arena_printf(r->arena, "Authorization: Bearer %s", r->token));
    return list;
}

/* One request; the status that the server answered, or 0: *why says why not. */
static long ask(const struct remote *r, const char *kind, const char *name, struct transfer *t,
                const char **why) {
    if (!str_starts(r->url, "http://") && !str_starts(r->url, "https://")) {
        *why = "it is no http:// or https:// address";
        return 0;
    }
    if (!load()) {
        *why = "there is no libcurl (apt-get install libcurl4)";
        return 0;
    }
    size_t n = strlen(r->url);
    while (n && r->url[n - 1] == '/')
        n--;
    CURL *h = curl.handle;
    struct curl_slist *list = headers(r);
    long status = 0;
    double seconds = 0;
    curl.easy_reset(h);
    curl.easy_setopt(h, CURLOPT_URL, arena_printf(r->arena, "%.*s/%s/%s", (int)n, r->url, kind, name));
    curl.easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl.easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, limit_ms() > WHOLE_MS ? limit_ms() : CONNECT_MS);
    curl.easy_setopt(h, CURLOPT_TIMEOUT_MS, limit_ms());
    curl.easy_setopt(h, CURLOPT_HTTPHEADER, list);
    curl.easy_setopt(h, CURLOPT_WRITEFUNCTION, receive);
    curl.easy_setopt(h, CURLOPT_WRITEDATA, t);
    if (t->out) {
        curl.easy_setopt(h, CURLOPT_CUSTOMREQUEST, "PUT");
        curl.easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->n);
        curl.easy_setopt(h, CURLOPT_POSTFIELDS, t->out);
    }
    CURLcode code = curl.easy_perform(h);
    curl.easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
    curl.easy_getinfo(h, CURLINFO_TOTAL_TIME, &seconds);
    curl.slist_free_all(list);
    if (code == CURLE_OK && seconds * 2000 > (double)limit_ms())
        fail(r, "all", arena_printf(r->arena, "it took %.1f s to answer", seconds));
    *why = code == CURLE_OK ? arena_printf(r->arena, "it answers %ld", status) : curl.easy_strerror(code);
    return code == CURLE_OK ? status : 0;
}

static bool is_named(const struct buf *bytes, const char *name) {
    char sum[65];
    sha256_hex(bytes->s ? bytes->s : "", bytes->len, sum);
    return strcmp(sum, name) == 0;
}

bool remote_get(const struct remote *r, const char *kind, const char *name, struct buf *out) {
    if (!r->url || has_failed(r, "all"))
        return false;
    const char *why = NULL;
    struct transfer t = {.in = out};
    long status = ask(r, kind, name, &t, &why);
    bool lies = status == 200 && strcmp(kind, "cas") == 0 && !is_named(out, name);
    if (lies)
        why = "what it has under a name is something else";
    if (lies || (status != 200 && status != 404 && status != 410))
        fail(r, "all", why);
    return status == 200 && !lies;
}

void remote_put(const struct remote *r, const char *kind, const char *name, const char *bytes, size_t n) {
    if (!r->url || !r->write || has_failed(r, "all") || has_failed(r, "put"))
        return;
    const char *why = NULL;
    struct transfer t = {.out = bytes, .n = n};
    long status = ask(r, kind, name, &t, &why);
    if (status < 200 || status > 299)
        fail(r, status ? "put" : "all", why);
}

void remote_wrap(struct buf *b, const char *text, size_t n) {
    buf_char(b, STDOUT_RAW);
    for (size_t rest = n; rest || !n; rest >>= 7) {
        buf_char(b, (char)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0)));
        if (rest <= 0x7f)
            break;
    }
    buf_add(b, text, n);
}

const char *remote_unwrap(const char *bytes, size_t n, size_t *len) {
    size_t at = 1, length = 0;
    if (!n || bytes[0] != STDOUT_RAW)
        return NULL;
    for (unsigned shift = 0;; shift += 7) {
        if (at == n || shift > 28)
            return NULL;
        unsigned char c = (unsigned char)bytes[at++];
        length |= (size_t)(c & 0x7f) << shift;
        if (!(c & 0x80))
            break;
    }
    *len = length;
    return length == n - at ? bytes + at : NULL;
}
