/* The fetcher: URIs into the sandbox (see offer-cycle 11.5, 10). Runs in a child of its own, as the
 * task's user, in the sandbox; what goes wrong is written to the sandbox's stderr. */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/io.h"
#include "local.h"

static int run(const char *const *argv)
{
    int status;
    const pid_t pid = fork();
    if (pid == 0) {
        execvp(argv[0], (char *const *)(size_t)argv);
        fprintf(stderr, "cannot execute '%s': %s\n", argv[0], strerror(errno));
        _exit(EXIT_FAILURE);
    }
    if (pid < 0)
        return -1;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* ---- names ---- */

static bool ends_with(const char *name, const char *ending)
{
    const size_t n = strlen(name), e = strlen(ending);
    return n > e && strcmp(name + n - e, ending) == 0;
}

/* The last part of a URI's path, without the query. */
static char *base_name(const char *uri)
{
    const char *path = strstr(uri, "://");
    path = path ? path + 3 : uri;
    const size_t len = strcspn(path, "?#");
    size_t start = len;
    while (start > 0 && path[start - 1] != '/')
        start--;
    return xstrndup(path + start, len - start);
}

static int check_output(const char *name, struct err *err)
{
    if (!*name)
        return err_set(err, EXIT_INPUT, "no file name in the URI");
    if (name[0] == '/' || strcmp(name, "..") == 0 || strncmp(name, "../", 3) == 0 ||
        strstr(name, "/../") || ends_with(name, "/.."))
        return err_set(err, EXIT_INPUT, "output file '%s' is not inside the sandbox", name);
    return 0;
}

/* ---- sources ---- */

static size_t write_body(char *data, size_t size, size_t n, void *ctx)
{
    return fwrite(data, size, n, ctx);
}

/* Names of the cluster's own DNS have no server here: they mean the host of the master, where the
 * scheduler runs. */
static struct curl_slist *resolve_cluster_names(const char *uri, const char *address)
{
    auto_free char *entry = NULL;
    struct curl_slist *list = NULL;
    char *host = NULL, *port = NULL;
    CURLU *url = curl_url();
    if (url && !curl_url_set(url, CURLUPART_URL, uri, 0) &&
        !curl_url_get(url, CURLUPART_HOST, &host, 0) &&
        !curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) &&
        (ends_with(host, ".thisdcos.directory") || ends_with(host, ".mesos"))) {
        entry = xasprintf("%s:%s:%s", host, port, address);
        list = curl_slist_append(NULL, entry);
    }
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(url);
    return list;
}

static int download(const char *uri, const char *output, const char *address, struct err *err)
{
    char text[CURL_ERROR_SIZE] = "";
    long status = 0;
    auto_file FILE *file = fopen(output, "we");
    if (!file)
        return err_sys(err, EXIT_UNREACHABLE, errno, "cannot write '%s'", output);
    CURL *curl = curl_easy_init();
    if (!curl)
        return err_set(err, EXIT_BUG, "cannot start curl");
    struct curl_slist *resolve = resolve_cluster_names(uri, address);
    curl_easy_setopt(curl, CURLOPT_URL, uri);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https,ftp,ftps");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 10L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 30L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 60L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, text);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, write_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, file);
    if (resolve)
        curl_easy_setopt(curl, CURLOPT_RESOLVE, resolve);
    const CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    curl_slist_free_all(resolve);
    if (code != CURLE_OK)
        return err_set(err, EXIT_UNREACHABLE, "%s", *text ? text : curl_easy_strerror(code));
    if (strncmp(uri, "http", 4) == 0 && status != 200)
        return err_set(err, EXIT_UNREACHABLE, "unexpected HTTP response code: %ld", status);
    if (fflush(file))
        return err_sys(err, EXIT_UNREACHABLE, errno, "cannot write '%s'", output);
    return 0;
}

static int copy(const char *from, const char *output, struct err *err)
{
    const char *const argv[] = {"cp", "-a", "--", from, output, NULL};
    return run(argv) ? err_set(err, EXIT_UNREACHABLE, "cannot copy '%s'", from) : 0;
}

/* ---- archives ---- */

static int extract(const char *file, struct err *err)
{
    static const char *const tars[] = {".tar",     ".tgz", ".tar.gz", ".tbz2",
                                       ".tar.bz2", ".txz", ".tar.xz"};
    const char *const tar[] = {"tar", "-xf", file, NULL};
    const char *const unzip[] = {"unzip", "-o", "-q", file, NULL};
    auto_free char *plain = xstrdup(file);
    int result = 0;
    for (size_t i = 0; i < ARRAY_LEN(tars); i++)
        if (ends_with(file, tars[i]))
            return run(tar) ? err_set(err, EXIT_INPUT, "cannot extract '%s'", file) : 0;
    if (ends_with(file, ".zip")) {
        result = run(unzip);
    } else if (ends_with(file, ".gz")) {
        plain[strlen(plain) - 3] = '\0';
        const char *const gunzip[] = {"sh",  "-c", "gzip -dc <\"$1\" >\"$2\"", "sh", file,
                                      plain, NULL};
        result = run(gunzip);
    }
    return result ? err_set(err, EXIT_INPUT, "cannot extract '%s'", file) : 0;
}

/* ---- one URI ---- */

static int fetch_one(const CommandInfo__URI *uri, const char *address, struct err *err)
{
    const char *value = uri->value + strspn(uri->value, " \t\n");
    auto_free char *base = base_name(value);
    const char *output = uri->output_file && *uri->output_file ? uri->output_file : base;
    if (check_output(output, err))
        return -1;
    auto_free char *dir = xstrdup(output);
    char *slash = strrchr(dir, '/');
    if (slash) {
        *slash = '\0';
        if (io_make_dirs(dir, 0755, err))
            return -1;
    }
    int result;
    if (strncmp(value, "file://", 7) == 0)
        result = copy(value + 7, output, err);
    else if (value[0] == '/')
        result = copy(value, output, err);
    else if (strncmp(value, "http://", 7) == 0 || strncmp(value, "https://", 8) == 0 ||
             strncmp(value, "ftp://", 6) == 0 || strncmp(value, "ftps://", 7) == 0)
        result = download(value, output, address, err);
    else
        return err_set(err, EXIT_INPUT,
                       "not a URI that dse-local fetches (file, http, https, ftp, ftps)");
    if (result)
        return -1;
    if (uri->has_executable && uri->executable)
        return chmod(output, 0755)
                   ? err_sys(err, EXIT_UNREACHABLE, errno, "cannot make '%s' executable", output)
                   : 0;
    return !uri->has_extract || uri->extract ? extract(output, err) : 0;
}

int fetch_all(void *ctx)
{
    const struct fetch *fetch = ctx;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (size_t i = 0; i < fetch->command->n_uris; i++) {
        struct err err = ERR_INIT;
        const CommandInfo__URI *uri = fetch->command->uris[i];
        if (fetch_one(uri, fetch->master_host, &err) == 0)
            continue;
        fprintf(stderr, "Failed to fetch '%s': %s\n", uri->value, err.text);
        fflush(stderr);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
