/* Records that one process writes and any number read without asking: a sequence beside each tells a torn copy.
 *
 * The order is that of Boehm, "Can seqlocks get along with programming language memory models?" (MSPC 2012): the writer
 * makes the sequence odd, fences, writes the words, and makes it even with a release; the reader loads the sequence with
 * an acquire, copies, fences, and loads it again. With the fences a reader that copied one new word also finds the
 * sequence moved, on weakly ordered machines too.
 */
#ifndef MELTICA_SEQLOCK_H
#define MELTICA_SEQLOCK_H

#include "atomics.h"

/* --- broadcast: record n in slot n % count, overwritten when the ring comes round --- */

typedef struct {
    uint64_t published;
    uint64_t lost;      /* begun by producers that died before they finished */
    uint64_t owner;
    uint64_t takeovers;
    uint64_t reserved[12];
} meltica_broadcast_producer_t;

_Static_assert(sizeof(meltica_broadcast_producer_t) == 128, "size of a broadcast's producer side");

/* One side's handle, private to its process. A slot is its sequence (2n + 1: record n is being written, 2n + 2: it is
 * there) and then the record. */
typedef struct {
    meltica_broadcast_producer_t *producer;
    uint64_t *slots;
    uint64_t count;  /* of slots, a power of two */
    uint64_t words;  /* of a record */
    uint64_t next;   /* producer: the record to write; reader: the record to read */
} meltica_broadcast_t;

enum { BROADCAST_OVERTAKEN = -1, BROADCAST_EMPTY = 0, BROADCAST_READ = 1 };

static inline uint64_t *broadcast_slot(const meltica_broadcast_t *ring, uint64_t number) {
    return ring->slots + (number & (ring->count - 1)) * (ring->words + 1);
}

static inline void broadcast_write(meltica_broadcast_t *ring, const void *record) {
    uint64_t number = ring->next, *slot = broadcast_slot(ring, number);
    store_relaxed(slot, 2 * number + 1);
    fence_release(); /* a reader that copies one of the new words finds the odd sequence, or a later one */
    words_store(slot + 1, record, ring->words);
    store_release(slot, 2 * number + 2); /* the words are there before the even sequence says so */
    ring->next = number + 1;
    store_release(&ring->producer->published, ring->next); /* who joins by it finds the slot complete */
}

/* Record `next` into `record`. OVERTAKEN: it is there no longer, or not whole; EMPTY: it is not there yet. */
static inline int broadcast_read(meltica_broadcast_t *ring, void *record) {
    const uint64_t wanted = 2 * ring->next + 2, *slot = broadcast_slot(ring, ring->next);
    uint64_t sequence = load_acquire(slot); /* no word is copied before the sequence that vouches for it */
    if (sequence != wanted)
        return sequence < wanted ? BROADCAST_EMPTY : BROADCAST_OVERTAKEN;
    words_load(record, slot + 1, ring->words);
    fence_acquire(); /* the sequence is looked at again after the last word */
    if (load_relaxed(slot) != wanted)
        return BROADCAST_OVERTAKEN;
    ring->next++;
    return BROADCAST_READ;
}

/* --- a row: eight words, one cache line; the last is the sequence, twice the number of stores --- */

enum { ROW_WORDS = 8, ROW_SEQUENCE = 7 };

static inline void row_store(uint64_t *row, const void *record) {
    /* Only the writer writes it, and that is us. Odd already: a writer died here, and nobody has read the row since. */
    uint64_t odd = load_relaxed(row + ROW_SEQUENCE) | 1;
    store_relaxed(row + ROW_SEQUENCE, odd);
    fence_release(); /* as in broadcast_write */
    words_store(row, record, ROW_SEQUENCE);
    store_release(row + ROW_SEQUENCE, odd + 1);
}

/* A whole copy with the number of stores as its last word, after `*retries` torn tries; 0 when `tries` did not do. */
static inline int row_load(const uint64_t *row, void *record, uint64_t tries, uint64_t *retries) {
    for (; tries > 0; tries--) {
        uint64_t sequence = load_acquire(row + ROW_SEQUENCE);
        if ((sequence & 1) == 0) {
            uint64_t stores = sequence / 2;
            words_load(record, row, ROW_SEQUENCE);
            fence_acquire();
            if (load_relaxed(row + ROW_SEQUENCE) == sequence) {
                memcpy((char *)record + ROW_SEQUENCE * sizeof(stores), &stores, sizeof(stores));
                return 1;
            }
        }
        ++*retries;
        relax();
    }
    return 0;
}

#endif
