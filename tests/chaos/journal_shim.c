/* Preloaded into a journal's writer: records what reaches the disk and makes the disk fail, in a real process.
 *
 *   SHIM_TRACE=file          append one record per write, truncate, sync and unlink (layout: journal_disk.py)
 *   SHIM_SYNC_FAILS=sfx:N    the Nth fsync or fdatasync of a file whose name ends in sfx fails with EIO. Once: the next one
 *                            would "succeed", as after a real failed fsync, so a retry would go unnoticed here too
 *   SHIM_FULL=sfx:N          from the Nth write to such a file on, every write fails with ENOSPC; the first is cut short
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER; /* one order of events for all threads */
static int trace_fd = -2;

static int matches(const char *variable, const char *path, long *count) {
  const char *rule = getenv(variable);
  const char *colon = rule ? strrchr(rule, ':') : NULL;
  if (!colon) return 0;
  size_t suffix = (size_t)(colon - rule), length = strlen(path);
  if (length < suffix || memcmp(path + length - suffix, rule, suffix) != 0) return 0;
  *count += 1;
  return *count >= atol(colon + 1) ? (*count == atol(colon + 1) ? 1 : 2) : 0;
}

static const char *path_of(int fd, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_MAX);
  path[length < 0 ? 0 : length] = 0;
  return path;
}

/* kind, failed, length of the path, offset, length of the data; then the path and the data */
struct __attribute__((packed)) record { char kind; uint8_t failed; uint16_t path_bytes; int64_t offset; uint32_t data_bytes; };

static void trace(char kind, int failed, const char *path, int64_t offset, const void *data, size_t size) {
  if (trace_fd == -2) {
    const char *file = getenv("SHIM_TRACE");
    trace_fd = file ? open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
  }
  if (trace_fd < 0) return;
  struct record head = {kind, (uint8_t)failed, (uint16_t)strlen(path), offset, (uint32_t)size};
  struct iovec parts[3] = {{&head, sizeof head}, {(void *)path, head.path_bytes}, {(void *)data, size}};
  if (writev(trace_fd, parts, 3) < 0) abort();
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static ssize_t fail_or_write(int fd, const void *data, size_t size, off64_t offset) {
  static long writes;
  char path[PATH_MAX + 1];
  path_of(fd, path);
  int full = matches("SHIM_FULL", path, &writes);
  if (full == 2) {
    trace('w', 1, path, offset, NULL, 0);
    errno = ENOSPC;
    return -1;
  }
  ssize_t done = REAL(pwrite64)(fd, data, full ? size / 2 : size, offset);
  if (done > 0) trace('w', 0, path, offset, data, (size_t)done);
  return done;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
  pthread_mutex_lock(&order);
  ssize_t done = fail_or_write(fd, data, size, offset);
  pthread_mutex_unlock(&order);
  return done;
}

ssize_t write(int fd, const void *data, size_t size) { /* only to see the acknowledgements in their order */
  char path[PATH_MAX + 1];
  pthread_mutex_lock(&order);
  size_t length = strlen(path_of(fd, path));
  if (length > 5 && strcmp(path + length - 5, "/acks") == 0) trace('a', 0, path, 0, data, size);
  ssize_t done = REAL(write)(fd, data, size);
  pthread_mutex_unlock(&order);
  return done;
}

static int fail_or_sync(int fd, int (*real)(int)) {
  static long syncs;
  char path[PATH_MAX + 1];
  pthread_mutex_lock(&order);
  int failed = matches("SHIM_SYNC_FAILS", path_of(fd, path), &syncs) == 1;
  int result = failed ? -1 : real(fd);
  trace('s', failed, path, 0, NULL, 0);
  pthread_mutex_unlock(&order);
  if (failed) errno = EIO;
  return result;
}

int fsync(int fd) { return fail_or_sync(fd, REAL(fsync)); }
int fdatasync(int fd) { return fail_or_sync(fd, REAL(fdatasync)); }

int ftruncate64(int fd, off64_t size) {
  char path[PATH_MAX + 1];
  pthread_mutex_lock(&order);
  int result = REAL(ftruncate64)(fd, size);
  trace('t', 0, path_of(fd, path), size, NULL, 0);
  pthread_mutex_unlock(&order);
  return result;
}

int unlink(const char *path) {
  pthread_mutex_lock(&order);
  int result = REAL(unlink)(path);
  if (result == 0) trace('u', 0, path, 0, NULL, 0);
  pthread_mutex_unlock(&order);
  return result;
}
