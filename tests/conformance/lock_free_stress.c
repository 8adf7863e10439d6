/* The steps of lane.h and seqlock.h between two threads, as fast as they go, every word of every record checked.
 * Built by test_shared_steps.py, with and without ThreadSanitizer; docs/guides/shared_memory.md builds it for others.
 * stress RECORDS; exit code 0 and "ok" when nothing was torn, doubled, lost unseen or out of order. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef BREAK_ORDER /* the same steps with every order relaxed: what the judge must notice */
#include <stdatomic.h>
#define memory_order_acquire memory_order_relaxed
#define memory_order_release memory_order_relaxed
#define memory_order_acq_rel memory_order_relaxed
#undef atomic_thread_fence
#define atomic_thread_fence(order) atomic_signal_fence(memory_order_relaxed)
#endif
#include "lane.h"
#include "seqlock.h"

enum { SLOTS = 64, WORDS = 8, ROWS = 4, CAST_SLOTS = 2 /* so few that readers are overtaken all the time */ };
static uint64_t total;
static meltica_lane_producer_t lane_producer;
static meltica_lane_consumer_t lane_consumer;
static uint64_t lane_slots[SLOTS * WORDS];
static meltica_broadcast_producer_t cast_producer;
static uint64_t cast_slots[CAST_SLOTS * (WORDS + 1)];
static uint64_t rows[ROWS * ROW_WORDS];

static void fail(const char *what, uint64_t number) {
    printf("%s at %llu\n", what, (unsigned long long)number);
    exit(1);
}

/* One core is enough for a stress; two spinning threads on it would only wait for the clock. */
static void breathe(unsigned *turns) {
    if (++*turns % 64 == 0)
        sched_yield();
    relax();
}

static void *lane_writer(void *unused) {
    meltica_lane_t lane = {&lane_producer, &lane_consumer, (unsigned char *)lane_slots, SLOTS, 6, 0, 0};
    unsigned turns = 0;
    for (uint64_t number = 0; number < total; number++) {
        uint64_t *slot;
        while ((slot = lane_claim(&lane)) == NULL)
            breathe(&turns);
        for (int at = 0; at < WORDS; at++)
            slot[at] = number * (at + 1);
        lane_publish(&lane);
    }
    return unused;
}

static void *lane_reader(void *unused) {
    meltica_lane_t lane = {&lane_producer, &lane_consumer, (unsigned char *)lane_slots, SLOTS, 6, 0, 0};
    unsigned turns = 0;
    for (uint64_t number = 0; number < total; number++) {
        const uint64_t *slot;
        while ((slot = lane_peek(&lane)) == NULL)
            breathe(&turns);
        for (int at = 0; at < WORDS; at++)
            if (slot[at] != number * (at + 1))
                fail("lane: a record is not the one that was published", number);
        lane_advance(&lane);
    }
    return unused;
}

static void *cast_writer(void *unused) {
    meltica_broadcast_t ring = {&cast_producer, cast_slots, CAST_SLOTS, WORDS, 0};
    uint64_t record[WORDS];
    for (uint64_t number = 0; number < total; number++) {
        for (int at = 0; at < WORDS; at++)
            record[at] = number * (at + 1);
        broadcast_write(&ring, record);
        if (number % 256 == 0)
            sched_yield();
    }
    return unused;
}

static void *cast_reader(void *unused) {
    meltica_broadcast_t ring = {&cast_producer, cast_slots, CAST_SLOTS, WORDS, 0};
    uint64_t record[WORDS];
    unsigned turns = 0;
    while (ring.next < total) {
        int found = broadcast_read(&ring, record);
        if (found == BROADCAST_READ) {
            for (int at = 0; at < WORDS; at++)
                if (record[at] != (ring.next - 1) * (at + 1))
                    fail("broadcast: a record is torn", ring.next - 1);
        } else if (found == BROADCAST_OVERTAKEN) {
            uint64_t published = load_acquire(&cast_producer.published);
            ring.next = published > ring.next + 1 ? published - 1 : ring.next + 1;
        } else
            breathe(&turns);
    }
    return unused;
}

static void *row_writer(void *unused) {
    uint64_t record[ROW_WORDS] = {0};
    for (uint64_t number = 1; number <= total; number++) {
        for (int at = 0; at < ROW_SEQUENCE; at++)
            record[at] = number * (at + 1);
        row_store(rows + number % ROWS * ROW_WORDS, record);
        if (number % 256 == 0)
            sched_yield();
    }
    return unused;
}

static void *row_reader(void *unused) {
    uint64_t record[ROW_WORDS], retries = 0, last[ROWS] = {0};
    unsigned turns = 0;
    for (uint64_t look = 0; last[total % ROWS] != total; look++) {
        uint64_t row = look % ROWS;
        if (!row_load(rows + row * ROW_WORDS, record, 1000, &retries)) {
            breathe(&turns);
            continue;
        }
        for (int at = 1; at < ROW_SEQUENCE; at++)
            if (record[at] != record[0] * (at + 1))
                fail("row: a copy is torn", record[0]);
        if (record[0] < last[row])
            fail("row: an older record came after a newer", record[0]);
        if (record[0] != 0 && record[ROW_SEQUENCE] != (record[0] + ROWS - 1 - (row + ROWS - 1) % ROWS) / ROWS)
            fail("row: the number of stores is not that of the record", record[0]);
        last[row] = record[0];
        breathe(&turns);
    }
    return unused;
}

static void race(void *(*one)(void *), void *(*other)(void *)) {
    pthread_t threads[2];
    pthread_create(threads, NULL, one, NULL);
    pthread_create(threads + 1, NULL, other, NULL);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
}

int main(int count, char **arguments) {
    total = count > 1 ? strtoull(arguments[1], NULL, 10) : 100000;
    race(lane_writer, lane_reader);
    race(cast_writer, cast_reader);
    race(row_writer, row_reader);
    puts("ok");
    return 0;
}
