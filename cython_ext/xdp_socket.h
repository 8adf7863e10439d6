/* An AF_XDP receive socket through libxdp, which is opened at run time: a host without it can still build and run the
 * rest. The ring functions are the kernel's protocol (Documentation/networking/af_xdp.rst): the producer's index is
 * stored with release after the entries are written, and loaded with acquire before they are read. The structures are
 * the ABI of libxdp.so.1 (xdp/xsk.h). */
#ifndef MELTICA_XDP_SOCKET_H
#define MELTICA_XDP_SOCKET_H

#include <dlfcn.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

struct melt_ring { uint32_t cached_prod, cached_cons, mask, size; uint32_t *producer, *consumer; void *ring; uint32_t *flags; };
struct melt_umem_config { uint32_t fill_size, comp_size, frame_size, frame_headroom, flags; };
struct melt_socket_config { uint32_t rx_size, tx_size, libxdp_flags, xdp_flags; uint16_t bind_flags; };

enum { MELT_FRAME = 4096, MELT_NO_LIBRARY = 1, MELT_NO_SYMBOL = 2, MELT_NO_MEMORY = 3 };

typedef struct {
    void *library, *umem, *socket;
    void (*socket_delete)(void *);
    int (*umem_delete)(void *);
    uint8_t *area;
    size_t area_bytes;
    struct melt_ring fill, completion, rx;
    int fd, native, zero_copy, wakeup;
} melt_xdp_t;

typedef int (*melt_umem_create_t)(void **, void *, uint64_t, struct melt_ring *, struct melt_ring *, const struct melt_umem_config *);
typedef int (*melt_socket_create_t)(void **, const char *, uint32_t, void *, struct melt_ring *, struct melt_ring *,
                                    const struct melt_socket_config *);

static int melt_xdp_quiet(int level, const char *format, va_list args) { (void)level; (void)format; (void)args; return 0; }

static void melt_xdp_close(melt_xdp_t *x) {
    if (x->socket) x->socket_delete(x->socket);
    if (x->umem) x->umem_delete(x->umem);
    if (x->area) munmap(x->area, x->area_bytes);
    /* The library stays open: it registers handlers at exit. */
    memset(x, 0, sizeof *x);
    x->fd = -1;
}

/* Best mode first: the driver's own with zero copies, then with a copy, then the kernel's generic one. */
static int melt_xdp_open(melt_xdp_t *x, const char *interface, uint32_t queue, uint32_t frames, int generic_only) {
    static const struct { uint32_t flags; uint16_t bind; int native, zero_copy; } modes[] = {
        {XDP_FLAGS_DRV_MODE, XDP_ZEROCOPY | XDP_USE_NEED_WAKEUP, 1, 1},
        {XDP_FLAGS_DRV_MODE, XDP_COPY | XDP_USE_NEED_WAKEUP, 1, 0},
        {XDP_FLAGS_SKB_MODE, XDP_COPY | XDP_USE_NEED_WAKEUP, 0, 0},
    };
    int failed = 0;
    memset(x, 0, sizeof *x);
    x->fd = -1;
    void *library = dlopen("libxdp.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) return MELT_NO_LIBRARY;
    melt_umem_create_t umem_create = (melt_umem_create_t)dlsym(library, "xsk_umem__create");
    melt_socket_create_t socket_create = (melt_socket_create_t)dlsym(library, "xsk_socket__create");
    int (*socket_fd)(const void *) = (int (*)(const void *))dlsym(library, "xsk_socket__fd");
    void (*socket_delete)(void *) = (void (*)(void *))dlsym(library, "xsk_socket__delete");
    int (*umem_delete)(void *) = (int (*)(void *))dlsym(library, "xsk_umem__delete");
    if (!umem_create || !socket_create || !socket_fd || !socket_delete || !umem_delete) return MELT_NO_SYMBOL;
    /* Both libraries write to stderr what the error code says as well. */
    void *(*set_print)(void *) = (void *(*)(void *))dlsym(library, "libxdp_set_print");
    if (set_print) set_print((void *)melt_xdp_quiet);
    void *(*bpf_print)(void *) = (void *(*)(void *))dlsym(RTLD_DEFAULT, "libbpf_set_print");
    void *bpf = bpf_print ? NULL : dlopen("libbpf.so.1", RTLD_NOW | RTLD_LOCAL);
    if (bpf) bpf_print = (void *(*)(void *))dlsym(bpf, "libbpf_set_print");
    if (bpf_print) bpf_print((void *)melt_xdp_quiet);

    for (unsigned k = generic_only ? 2 : 0; k < sizeof modes / sizeof *modes; k++) {
        x->library = library, x->socket_delete = socket_delete, x->umem_delete = umem_delete;
        x->area_bytes = (size_t)frames * MELT_FRAME;
        x->area = mmap(NULL, x->area_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (x->area == MAP_FAILED) { x->area = NULL; melt_xdp_close(x); return MELT_NO_MEMORY; }
        struct melt_umem_config shape = {frames, frames, MELT_FRAME, 0, 0};
        struct melt_socket_config config = {frames, 0, 0, modes[k].flags, modes[k].bind};
        failed = umem_create(&x->umem, x->area, x->area_bytes, &x->fill, &x->completion, &shape);
        if (!failed) failed = socket_create(&x->socket, interface, queue, x->umem, &x->rx, NULL, &config);
        if (failed) { x->umem = failed && !x->umem ? NULL : x->umem; x->socket = NULL; melt_xdp_close(x); continue; }
        x->fd = socket_fd(x->socket), x->native = modes[k].native, x->zero_copy = modes[k].zero_copy;
        uint64_t *addresses = x->fill.ring;
        for (uint32_t n = 0; n < frames; n++) addresses[n] = (uint64_t)n * MELT_FRAME;
        x->fill.cached_prod = frames;
        atomic_store_explicit((_Atomic uint32_t *)x->fill.producer, frames, memory_order_release);
        return 0;
    }
    return failed < 0 ? failed : -EIO;
}

/* Entries that are there, at most `most`; `*first` is the index of the first. */
static inline uint32_t melt_xdp_peek(melt_xdp_t *x, uint32_t most, uint32_t *first) {
    struct melt_ring *rx = &x->rx;
    uint32_t there = atomic_load_explicit((_Atomic uint32_t *)rx->producer, memory_order_acquire) - rx->cached_cons;
    *first = rx->cached_cons;
    return there < most ? there : most;
}

static inline const struct xdp_desc *melt_xdp_entry(const melt_xdp_t *x, uint32_t index) {
    return &((const struct xdp_desc *)x->rx.ring)[index & x->rx.mask];
}

/* Gives `count` frames that were peeked back to the kernel: first their places are written to the fill ring, then the
 * receive ring lets go of them. The fill ring has room for all frames, so it cannot be full. */
static inline void melt_xdp_give_back(melt_xdp_t *x, uint32_t count) {
    uint64_t *addresses = x->fill.ring;
    for (uint32_t n = 0; n < count; n++) {
        uint64_t address = melt_xdp_entry(x, x->rx.cached_cons + n)->addr;
        addresses[(x->fill.cached_prod + n) & x->fill.mask] = address & ~(uint64_t)(MELT_FRAME - 1);
    }
    x->fill.cached_prod += count;
    x->rx.cached_cons += count;
    atomic_store_explicit((_Atomic uint32_t *)x->fill.producer, x->fill.cached_prod, memory_order_release);
    atomic_store_explicit((_Atomic uint32_t *)x->rx.consumer, x->rx.cached_cons, memory_order_release);
}

static inline int melt_xdp_wants_wakeup(const melt_xdp_t *x) { return *(volatile uint32_t *)x->fill.flags & XDP_RING_NEED_WAKEUP; }

/* Packets that were meant for us and that the kernel dropped; 0 when it said how many. */
static inline int melt_xdp_drops(const melt_xdp_t *x, uint64_t *drops) {
    struct xdp_statistics seen;
    socklen_t size = sizeof seen;
    memset(&seen, 0, sizeof seen);
    if (getsockopt(x->fd, SOL_XDP, XDP_STATISTICS, &seen, &size)) return -errno;
    *drops = seen.rx_dropped + seen.rx_ring_full;
    return 0;
}

#endif
