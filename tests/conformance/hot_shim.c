/* Counts, in each thread, the calls that a hot loop must not make. Preloaded: it stands in front of libc and libpython. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

static __thread long counted[8] __attribute__((tls_model("initial-exec")));

enum { ALLOCATE, FREE, LOCK, WAIT, MAP, PYTHON, WRITE };

/* Of the calling thread. */
long shim_count(int kind) { return counted[kind]; }

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void __libc_free(void *);

void *malloc(size_t size) { counted[ALLOCATE]++; return __libc_malloc(size); }
void *calloc(size_t count, size_t size) { counted[ALLOCATE]++; return __libc_calloc(count, size); }
void *realloc(void *old, size_t size) { counted[ALLOCATE]++; return __libc_realloc(old, size); }
void free(void *old) { counted[FREE]++; __libc_free(old); }

#define NEXT(name) static __typeof__(name) *real; if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

int pthread_mutex_lock(pthread_mutex_t *mutex) {
    NEXT(pthread_mutex_lock);
    counted[LOCK]++;
    return real(mutex);
}
int pthread_mutex_trylock(pthread_mutex_t *mutex) {
    NEXT(pthread_mutex_trylock);
    counted[LOCK]++;
    return real(mutex);
}
int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex) {
    NEXT(pthread_cond_wait);
    counted[WAIT]++;
    return real(condition, mutex);
}
void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
    NEXT(mmap);
    counted[MAP]++;
    return real(at, size, protection, flags, fd, offset);
}
ssize_t write(int fd, const void *data, size_t size) {
    NEXT(write);
    counted[WRITE]++;
    return real(fd, data, size);
}
int PyGILState_Ensure(void) {
    NEXT(PyGILState_Ensure);
    counted[PYTHON]++;
    return real();
}
void PyEval_RestoreThread(void *state) {
    NEXT(PyEval_RestoreThread);
    counted[PYTHON]++;
    real(state);
}
void *PyObject_Malloc(size_t size) {
    NEXT(PyObject_Malloc);
    counted[PYTHON]++;
    return real(size);
}
