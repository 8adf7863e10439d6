"""The words and histograms of a hot process. The file around them: meltica/hot/hot_status.py."""

from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint64_t

WORD_BYTES = 8 * WORDS
STAGE_BYTES = sizeof(HistogramMemory)
REJECTS = REJECTS_BEGIN  # 64 words: refused, by the lowest check
ENCODES = ENCODE_BEGIN    # 16 words: not encoded, by OuchRefusal
BYTES = WORD_BYTES + STAGES * STAGE_BYTES


cdef class HotStatus:
    def __init__(self, buffer not None):
        """Over BYTES writable, 64-byte aligned bytes: the words, then the histograms."""
        cdef Py_buffer view
        PyObject_GetBuffer(buffer, &view, PyBUF_WRITABLE)
        try:
            if view.len != WORDS * 8 + STAGES * sizeof(HistogramMemory):
                raise ValueError(f"words and histograms take {BYTES} bytes, not {view.len}")
            if <uint64_t>view.buf % 64:
                raise ValueError("words and histograms are aligned to 64 bytes")
            self.words = <uint64_t*>view.buf
            self.stages = <HistogramMemory*>(<char*>view.buf + WORDS * 8)
        finally:
            PyBuffer_Release(&view)
        self.buffer = buffer  # keeps the mapping alive

    def put(self, int word, uint64_t value):
        put(self, self._checked(word), value)

    def add(self, int word, uint64_t amount=1):
        add(self, self._checked(word), amount)

    def get(self, int word):
        return get(self, self._checked(word))

    def _checked(self, int word):
        if not 0 <= word < WORDS:
            raise IndexError(f"word {word} is not within 0..{WORDS - 1}")
        return word
