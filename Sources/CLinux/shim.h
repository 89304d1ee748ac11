// Linux calls the Swift overlay of the C library does not carry, and constants it cannot import. No logic here.
#ifndef GATEHOUSE_CLINUX_SHIM_H
#define GATEHOUSE_CLINUX_SHIM_H

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

// Declared by hand: the headers hide them behind _GNU_SOURCE, which breaks debug builds of the overlay.
int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);
int pipe2(int ends[2], int flags);

enum { GH_IN = EPOLLIN, GH_OUT = EPOLLOUT, GH_RDHUP = EPOLLRDHUP, GH_HUP = EPOLLHUP, GH_ERR = EPOLLERR };

static inline int gh_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }
// Edge-triggered for everything, once and for the life of the descriptor.
static inline int gh_epoll_add(int epoll, int fd, uint64_t data) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.u64 = data}};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}
static inline uint64_t gh_event_data(const struct epoll_event *event) { return event->data.u64; }
static inline uint32_t gh_event_flags(const struct epoll_event *event) { return event->events; }
static inline void gh_malloc_trim(void) { malloc_trim(0); }
static inline int gh_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }
static inline int gh_accept(int fd, struct sockaddr_storage *address) {
    socklen_t length = sizeof *address;
    return accept4(fd, (struct sockaddr *)address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}
static inline int gh_pipe(int *read_end, int *write_end) {
    int ends[2];
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return -1;
    *read_end = ends[0];
    *write_end = ends[1];
    return 0;
}

// No core file, no reading by other processes of the same user.
static inline int gh_forbid_dumps(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

// Sets blocks aside behind the end of a file without making it longer: FALLOC_FL_KEEP_SIZE.
static inline long gh_reserve(int fd, off_t offset, off_t length) {
    return syscall(SYS_fallocate, fd, 1, offset, length);
}

// The processors this process may use, one bit each; returns the bytes written, or a negative number.
static inline long gh_processor_mask(unsigned long *mask, size_t bytes) {
    return syscall(SYS_sched_getaffinity, 0, bytes, mask);
}

#endif
