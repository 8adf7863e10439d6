/* The least that receiving MoldUDP64 can cost: a bare recvmmsg loop with kernel receive times; the sequence number is
   compared and the messages are copied to one block, as ours does. No duplicates, no counts, no check of the framing. */
#define _GNU_SOURCE
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, FRAME = 2048, CONTROL = 128 };
static uint8_t frames[BATCH][FRAME], controls[BATCH][CONTROL], block[BATCH * FRAME];
static struct mmsghdr headers[BATCH];
static struct iovec pieces[BATCH];
uint64_t feed_times[BATCH];

/* Messages received until nothing is there; `next` is the next sequence number, and moves. */
long feed_receive(int fd, uint64_t *next) {
    long messages = 0;
    for (;;) {
        for (int k = 0; k < BATCH; k++) {
            pieces[k] = (struct iovec){frames[k], FRAME};
            headers[k].msg_hdr = (struct msghdr){.msg_iov = &pieces[k], .msg_iovlen = 1, .msg_control = controls[k], .msg_controllen = CONTROL};
        }
        int count = recvmmsg(fd, headers, BATCH, MSG_DONTWAIT, NULL);
        if (count <= 0)
            return messages;
        uint8_t *to = block;
        for (int k = 0; k < count; k++) {
            struct msghdr *header = &headers[k].msg_hdr;
            uint8_t *frame = frames[k];
            uint64_t sequence;
            uint16_t number;
            for (struct cmsghdr *one = CMSG_FIRSTHDR(header); one; one = CMSG_NXTHDR(header, one))
                if (one->cmsg_level == SOL_SOCKET && one->cmsg_type == SO_TIMESTAMPING) {
                    struct timespec *stamp = (struct timespec *)CMSG_DATA(one);
                    feed_times[k] = (uint64_t)stamp->tv_sec * 1000000000 + stamp->tv_nsec;
                }
            memcpy(&sequence, frame + 10, 8);
            memcpy(&number, frame + 18, 2);
            if (__builtin_bswap64(sequence) != *next)
                return -1;
            number = __builtin_bswap16(number);
            *next += number;
            messages += number;
            memcpy(to, frame + 20, headers[k].msg_len - 20);
            to += headers[k].msg_len - 20;
        }
        __asm__ volatile("" : : "r"(block) : "memory"); /* Somebody reads the block. */
    }
}
