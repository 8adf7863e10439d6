// One instance of a Verilated design, without a word of Verilator's: what wraps it is compiled once for all designs.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace meltica {

struct Port {
    const char* name;
    uint32_t width;   // bits
    bool input;
    uint32_t bytes;   // 1, 2, 4, 8, or a multiple of 4 for more than 64 bits
    void* data;       // little-endian; bits beyond the width are 0
};

// Where a port's bytes are in a row of a table.
struct Column {
    void* data;
    size_t offset;
    uint32_t bytes;
};

class Design {
  public:
    explicit Design(const char* trace_path);  // "": no waves; throws when the design was built without them
    ~Design();
    Design(const Design&) = delete;
    Design& operator=(const Design&) = delete;

    const Port* ports() const;
    size_t port_count() const;
    bool finished() const;  // $finish was called
    // Throws std::runtime_error when an assertion fails or $stop, $error or $fatal is called; useless from then on.
    void eval();
    void flush();  // the waves

  private:
    struct Inside;
    Inside* in;
};

static inline void move_bytes(void* to, const void* from, uint32_t bytes) {
    switch (bytes) {
        case 1: std::memcpy(to, from, 1); break;
        case 2: std::memcpy(to, from, 2); break;
        case 4: std::memcpy(to, from, 4); break;
        case 8: std::memcpy(to, from, 8); break;
        default: std::memcpy(to, from, bytes);
    }
}

// The first half of a cycle: inputs take effect, nothing is clocked yet. The second half is the rising edge.
static inline void low(Design& design, uint8_t* clock) { *clock = 0; design.eval(); }
static inline void high(Design& design, uint8_t* clock) { *clock = 1; design.eval(); }

}  // namespace meltica
