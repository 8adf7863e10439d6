// The design behind design.h. Vtop.h and ports.inc (PORT(name, width, is_input) lines) are generated.
#include "design.h"

#include <cstdarg>
#include <cstdio>
#include <stdexcept>
#include <string>

#include "Vtop.h"
#include "verilated.h"
#ifdef MELTICA_TRACE
#include "verilated_fst_c.h"
#endif

static thread_local std::string said;  // since the last complaint; a few hundred bytes of it

int meltica_print(const char* format, ...) {
    char line[4096];
    va_list arguments;
    va_start(arguments, format);
    int length = std::vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (said.size() > 8192) said.erase(0, said.size() - 4096);
    said += line;
    if (!std::strstr(line, "%Error")) std::fputs(line, stdout);
    return length;
}

static std::string trimmed(const std::string& text) {
    size_t end = text.find_last_not_of(" \n");
    return end == std::string::npos ? "" : text.substr(0, end + 1);
}

[[noreturn]] static void complain(const char* what, const char* file, int line, const char* where) {
    std::string text = std::string(what) + " at " + file + ":" + std::to_string(line);
    size_t at = said.rfind("%Error");
    std::string words = trimmed(at == std::string::npos ? "" : said.substr(at));
    said.clear();
    if (where && *where) text += std::string(" in ") + where;
    if (!words.empty()) text += ": " + words;
    throw std::runtime_error(text);
}

void vl_stop(const char* file, int line, const char* where) VL_MT_UNSAFE {
    complain("assertion, $error or $stop", file, line, where);
}

void vl_fatal(const char* file, int line, const char* where, const char* message) VL_MT_UNSAFE {
    if (message && *message) said = std::string("%Error: ") + message;
    complain("fatal", file, line, where);
}

void vl_finish(const char*, int, const char*) VL_MT_UNSAFE { Verilated::threadContextp()->gotFinish(true); }

namespace meltica {

struct Design::Inside {
    VerilatedContext context;
    Vtop* top = nullptr;
    Port* ports = nullptr;
    size_t port_count = 0;
#ifdef MELTICA_TRACE
    VerilatedFstC* trace = nullptr;
#endif
};

#define PORT(name, width, is_input) {#name, width, is_input, sizeof(Vtop::name), nullptr},
static const Port described[] = {
#include "ports.inc"
};
#undef PORT

Design::Design(const char* trace_path) : in(new Inside) {
    in->context.randReset(0);
#ifdef MELTICA_TRACE
    in->context.traceEverOn(*trace_path != 0);
#else
    if (*trace_path) {
        delete in;
        throw std::runtime_error("this design was built without waves: build(..., trace=True)");
    }
#endif
    in->top = new Vtop(&in->context, "top");
    in->port_count = sizeof described / sizeof *described;
    in->ports = new Port[in->port_count];
    void* const places[] = {
#define PORT(name, width, is_input) &in->top->name,
#include "ports.inc"
#undef PORT
    };
    for (size_t at = 0; at < in->port_count; at++) {
        in->ports[at] = described[at];
        in->ports[at].data = places[at];
        std::memset(places[at], 0, described[at].bytes);
    }
#ifdef MELTICA_TRACE
    if (*trace_path) {
        in->trace = new VerilatedFstC;
        in->top->trace(in->trace, 99);
        in->trace->open(trace_path);
    }
#endif
}

Design::~Design() {
#ifdef MELTICA_TRACE
    if (in->trace) {
        in->trace->close();
        delete in->trace;
    }
#endif
    delete in->top;
    delete[] in->ports;
    delete in;
}

const Port* Design::ports() const { return in->ports; }
size_t Design::port_count() const { return in->port_count; }
bool Design::finished() const { return in->context.gotFinish(); }

void Design::eval() {
    in->context.timeInc(1);
#ifdef MELTICA_TRACE
    if (in->trace) {
        try {
            in->top->eval();
        } catch (...) {
            in->trace->dump(in->context.time());
            in->trace->flush();
            throw;
        }
        in->trace->dump(in->context.time());
        return;
    }
#endif
    in->top->eval();
}

void Design::flush() {
#ifdef MELTICA_TRACE
    if (in->trace) in->trace->flush();
#endif
}

}  // namespace meltica
