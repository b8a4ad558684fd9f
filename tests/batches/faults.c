/* Makes the N-th of certain calls under a folder fail, for tests of what a run does then.

   FAULT_UNDER  the folder, absolute     FAULT_AT     N, from 1
   FAULT_ERRNO  what it fails with       FAULT_TOLD   a file that then says which call of what
   FAULT_STAY   if set, every later one fails too, as on a full disk
   FAULT_READS  if set, opening for reading counts too */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t counting = PTHREAD_MUTEX_INITIALIZER;
static int seen;

static void tell(const char *call, const char *path) {
    const char *told = getenv("FAULT_TOLD");
    char line[2 * PATH_MAX];
    int length = snprintf(line, sizeof line, "%s %s\n", call, path);
    int handle = told ? syscall(SYS_openat, AT_FDCWD, told, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
    if (handle >= 0) {
        syscall(SYS_write, handle, line, (size_t)length);
        syscall(SYS_close, handle);
    }
}

static int fails(const char *call, const char *path) {
    const char *under = getenv("FAULT_UNDER"), *at = getenv("FAULT_AT"), *as = getenv("FAULT_ERRNO");
    if (!under || !at || !as || strncmp(path, under, strlen(under))) return 0;
    pthread_mutex_lock(&counting);
    int number = ++seen;
    pthread_mutex_unlock(&counting);
    if (number != atoi(at) && !(getenv("FAULT_STAY") && number > atoi(at))) return 0;
    tell(call, path);
    errno = atoi(as);
    return 1;
}

static int handle_fails(const char *call, int handle) {
    char link[64], path[PATH_MAX];
    if (!getenv("FAULT_UNDER")) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return fails(call, path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define ON_HANDLE(type, name, declared, given)          \
    type name declared {                                \
        if (handle_fails(#name, handle)) return (type)-1; \
        return REAL(name) given;                        \
    }

ON_HANDLE(ssize_t, write, (int handle, const void *data, size_t size), (handle, data, size))
ON_HANDLE(ssize_t, pwrite, (int handle, const void *data, size_t size, off_t at), (handle, data, size, at))
ON_HANDLE(ssize_t, pwrite64, (int handle, const void *data, size_t size, off64_t at), (handle, data, size, at))
ON_HANDLE(ssize_t, writev, (int handle, const struct iovec *data, int count), (handle, data, count))
ON_HANDLE(int, fsync, (int handle), (handle))
ON_HANDLE(int, fdatasync, (int handle), (handle))
ON_HANDLE(int, ftruncate, (int handle, off_t size), (handle, size))
ON_HANDLE(int, ftruncate64, (int handle, off64_t size), (handle, size))

int posix_fallocate(int handle, off_t at, off_t size) {
    return handle_fails("posix_fallocate", handle) ? errno : REAL(posix_fallocate)(handle, at, size);
}

int rename(const char *from, const char *to) {
    return fails("rename", to) ? -1 : REAL(rename)(from, to);
}

int renameat(int here, const char *from, int there, const char *to) {
    return fails("renameat", to) ? -1 : REAL(renameat)(here, from, there, to);
}

int renameat2(int here, const char *from, int there, const char *to, unsigned flags) {
    return fails("renameat2", to) ? -1 : REAL(renameat2)(here, from, there, to, flags);
}

int mkdir(const char *path, mode_t mode) {
    return fails("mkdir", path) ? -1 : REAL(mkdir)(path, mode);
}

int mkdirat(int here, const char *path, mode_t mode) {
    return fails("mkdirat", path) ? -1 : REAL(mkdirat)(here, path, mode);
}

static int counts(int flags) {
    return (flags & O_ACCMODE) != O_RDONLY || (getenv("FAULT_READS") && !(flags & O_DIRECTORY));
}

#define OPENING(name, declared, given)                                  \
    int name declared {                                                 \
        mode_t mode = 0;                                                \
        if (flags & (O_CREAT | O_TMPFILE)) {                            \
            va_list rest;                                               \
            va_start(rest, flags);                                      \
            mode = va_arg(rest, mode_t);                                \
            va_end(rest);                                               \
        }                                                               \
        if (counts(flags) && fails(#name, path)) return -1;             \
        return REAL(name) given;                                        \
    }

OPENING(open, (const char *path, int flags, ...), (path, flags, mode))
OPENING(open64, (const char *path, int flags, ...), (path, flags, mode))
OPENING(openat, (int here, const char *path, int flags, ...), (here, path, flags, mode))
OPENING(openat64, (int here, const char *path, int flags, ...), (here, path, flags, mode))
