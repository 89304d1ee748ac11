/* Ends the process with SIGKILL at the Nth call that changes a disk, N from KILL_AT; counts them into KILL_COUNT otherwise.
   Preloaded by tests that prove a command can be stopped anywhere. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_int calls;

static void reach(void) {
    int now = atomic_fetch_add(&calls, 1) + 1;
    const char *limit = getenv("KILL_AT");
    if (limit && now >= atoi(limit)) kill(getpid(), SIGKILL);
}

__attribute__((destructor)) static void report(void) {
    const char *path = getenv("KILL_COUNT");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (file) { fprintf(file, "%d", atomic_load(&calls)); fclose(file); }
}

#define NEXT(name) static __typeof__(&name) next; if (!next) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

int fsync(int fd) { NEXT(fsync); reach(); return next(fd); }
int fdatasync(int fd) { NEXT(fdatasync); reach(); return next(fd); }
int rename(const char *a, const char *b) { NEXT(rename); reach(); return next(a, b); }
int link(const char *a, const char *b) { NEXT(link); reach(); return next(a, b); }
int unlink(const char *a) { NEXT(unlink); reach(); return next(a); }
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t o) { NEXT(pwrite64); reach(); return next(fd, b, n, o); }
ssize_t pwrite(int fd, const void *b, size_t n, off_t o) { NEXT(pwrite); reach(); return next(fd, b, n, o); }
ssize_t write(int fd, const void *b, size_t n) { NEXT(write); if (fd > 2) reach(); return next(fd, b, n); }
