/* A record there and back between two processes that spin, in C: through two bare counters and a slot, and through the
 * lanes of cython_ext/lane.h. Both lie in memory that the caller mapped. */
#include <time.h>

#include "../../cython_ext/lane.h"

enum { SLOTS = 1024, WORDS = 8 };

typedef struct {
    uint64_t head __attribute__((aligned(128)));
    uint64_t tail __attribute__((aligned(128)));
    uint64_t slots[SLOTS][WORDS] __attribute__((aligned(128)));
} bare_t;

typedef struct {
    meltica_lane_producer_t producer;
    meltica_lane_consumer_t consumer;
    uint64_t slots[SLOTS][WORDS];
} ours_t;

typedef struct {
    bare_t bare[2];
    ours_t ours[2];
} shared_t;

long hop_bytes(void) { return sizeof(shared_t); }

static void bare_send(bare_t *ring, uint64_t *next, const uint64_t *record) {
    while (*next - __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE) == SLOTS)
        relax();
    memcpy(ring->slots[*next % SLOTS], record, sizeof(ring->slots[0]));
    __atomic_store_n(&ring->head, ++*next, __ATOMIC_RELEASE);
}

static void bare_receive(bare_t *ring, uint64_t *next, uint64_t *record) {
    while (__atomic_load_n(&ring->head, __ATOMIC_ACQUIRE) == *next)
        relax();
    memcpy(record, ring->slots[*next % SLOTS], sizeof(ring->slots[0]));
    __atomic_store_n(&ring->tail, ++*next, __ATOMIC_RELEASE);
}

static void ours_send(meltica_lane_t *lane, const uint64_t *record) {
    void *slot;
    while ((slot = lane_claim(lane)) == NULL)
        relax();
    memcpy(slot, record, WORDS * sizeof(*record));
    lane_publish(lane);
}

static void ours_receive(meltica_lane_t *lane, uint64_t *record) {
    const void *slot;
    while ((slot = lane_peek(lane)) == NULL)
        relax();
    memcpy(record, slot, WORDS * sizeof(*record));
    lane_advance(lane);
}

static meltica_lane_t lane_of(ours_t *ring) {
    meltica_lane_t lane = {&ring->producer, &ring->consumer, (unsigned char *)ring->slots, SLOTS, 6, 0, 0};
    return lane;
}

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* side 0 asks and notes each round trip, side 1 echoes. */
void hop_bare(shared_t *shared, int side, long rounds, int64_t *took) {
    uint64_t out = 0, in = 0, record[WORDS] = {0};
    for (long round = 0; round < rounds; round++) {
        int64_t begin = side ? 0 : now();
        if (side)
            bare_receive(&shared->bare[0], &in, record);
        bare_send(&shared->bare[side], &out, record);
        if (!side) {
            bare_receive(&shared->bare[1], &in, record);
            took[round] = now() - begin;
        }
    }
}

void hop_ours(shared_t *shared, int side, long rounds, int64_t *took) {
    meltica_lane_t out = lane_of(&shared->ours[side]), in = lane_of(&shared->ours[1 - side]);
    uint64_t record[WORDS] = {0};
    for (long round = 0; round < rounds; round++) {
        int64_t begin = side ? 0 : now();
        if (side)
            ours_receive(&in, record);
        ours_send(&out, record);
        if (!side) {
            ours_receive(&in, record);
            took[round] = now() - begin;
        }
    }
}
