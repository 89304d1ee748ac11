// Linux calls the Swift overlay of the C library does not carry, and constants it cannot import. No logic here.
#ifndef GATEHOUSE_CLINUX_SHIM_H
#define GATEHOUSE_CLINUX_SHIM_H

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <fcntl.h>
#include <malloc.h>
#include <errno.h>
#include <stdint.h>
#include <spawn.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timex.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

// Declared by hand: the headers hide them behind _GNU_SOURCE, which breaks debug builds of the overlay.
int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);
int pipe2(int ends[2], int flags);

// 1 when the kernel's clock follows others, 0 when it does not, -1 when it does not tell.
static inline int gh_clock_is_synchronized(void) {
    struct timex state = {0};
    return adjtimex(&state) < 0 ? -1 : (state.status & STA_UNSYNC) == 0;
}

enum { GH_IN = EPOLLIN, GH_OUT = EPOLLOUT, GH_RDHUP = EPOLLRDHUP, GH_HUP = EPOLLHUP, GH_ERR = EPOLLERR };

static inline int gh_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }
// Edge-triggered for everything, once and for the life of the descriptor.
static inline int gh_epoll_add(int epoll, int fd, uint64_t data) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.u64 = data}};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}
static inline void gh_epoll_remove(int epoll, int fd) { epoll_ctl(epoll, EPOLL_CTL_DEL, fd, 0); }
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

// Descriptors beside a message (unix(7)); at most GH_DESCRIPTORS at once.
enum { GH_DESCRIPTORS = 64 };
static inline long gh_send_descriptors(int fd, const void *bytes, size_t length, const int *passed, size_t count) {
    struct iovec part = {(void *)bytes, length};
    union { struct cmsghdr head; char space[CMSG_SPACE(sizeof(int) * GH_DESCRIPTORS)]; } control;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (count > GH_DESCRIPTORS) { errno = EINVAL; return -1; }
    if (count > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.space;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(head), passed, sizeof(int) * count);
    }
    return sendmsg(fd, &message, MSG_NOSIGNAL);
}
// Writes what came to `passed`, which has room for GH_DESCRIPTORS, and their count; a message cut short is an error.
static inline long gh_receive_descriptors(int fd, void *bytes, size_t length, int *passed, size_t *count) {
    struct iovec part = {bytes, length};
    union { struct cmsghdr head; char space[CMSG_SPACE(sizeof(int) * GH_DESCRIPTORS)]; } control;
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    *count = 0;
    long got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    if (got < 0) return got;
    for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head; head = CMSG_NXTHDR(&message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
        size_t came = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        if (*count + came > GH_DESCRIPTORS) came = GH_DESCRIPTORS - *count;
        memcpy(passed + *count, CMSG_DATA(head), came * sizeof(int));
        *count += came;
    }
    if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) { errno = EMSGSIZE; return -1; }
    return got;
}
// Who is at the other end (SO_PEERCRED), as the kernel saw it when the connection was made.
static inline int gh_peer(int fd, int *pid, unsigned *uid) {
    struct { int pid; unsigned uid, gid; } who;
    socklen_t length = sizeof who;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) != 0) return -1;
    *pid = who.pid;
    *uid = who.uid;
    return 0;
}

// posix_spawn_file_actions_addclosefrom_np(3): nothing from that descriptor on is inherited.
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
static inline int gh_spawn_close_from(posix_spawn_file_actions_t *actions, int from) {
    return posix_spawn_file_actions_addclosefrom_np(actions, from);
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
