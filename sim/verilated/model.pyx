# distutils: language = c++
"""One instance of a Verilated design. sim/verilated/__init__.py says how to use it; this is the same for all designs."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libcpp cimport bool as cbool
from libcpp.vector cimport vector

import difflib

import numpy as np

cdef extern from "design.h" namespace "meltica" nogil:
    cdef struct Port:
        const char* name
        uint32_t width
        cbool input
        uint32_t bytes
        void* data
    cdef struct Column:
        void* data
        size_t offset
        uint32_t bytes
    cdef cppclass Design:
        Design(const char* trace_path) except +
        const Port* ports()
        size_t port_count()
        cbool finished()
        void flush() except +
        void eval() except +
    void move_bytes(void* to, const void* source, uint32_t bytes)
    void low(Design& design, uint8_t* clock) except +
    void high(Design& design, uint8_t* clock) except +


cdef class Model:
    cdef Design* design
    cdef const Port* ports
    cdef uint8_t* clock
    cdef uint64_t counted
    cdef cbool dirty      # an input changed since the last eval()
    cdef readonly dict _places
    cdef readonly object clock_name
    cdef object stopped   # what it stopped with; nothing can be done with it then

    def __cinit__(self, *, trace="", clock="clk_i", reset="rst_ni", hold_reset=2):
        cdef size_t at
        self.design = new Design(str(trace).encode())
        self.ports = self.design.ports()
        self._places = {self.ports[at].name.decode(): at for at in range(self.design.port_count())}
        self.clock_name = clock
        if clock:
            self.clock = <uint8_t*>self.ports[self.input_at(clock, 1)].data
        self.dirty = True
        if reset in self._places and hold_reset:
            self.step(hold_reset)
            self.set(reset, 1)

    def __dealloc__(self):
        del self.design

    # --- ports ---

    cdef size_t port_at(self, name) except? 0xFFFF:
        at = self._places.get(name)
        if at is None:
            near = difflib.get_close_matches(name, self._places, 3)
            raise AttributeError(f"no port {name!r}" + (f"; did you mean {', '.join(near)}?" if near else ""))
        return at

    cdef size_t input_at(self, name, uint32_t width=0) except? 0xFFFF:
        cdef size_t at = self.port_at(name)
        if not self.ports[at].input:
            raise AttributeError(f"{name} is an output: it cannot be set")
        if width and self.ports[at].width != width:
            raise ValueError(f"{name} has {self.ports[at].width} bits, not {width}")
        return at

    def get(self, name, /):
        """The value of a port, as it is with the inputs that are set now."""
        cdef const Port* port = &self.ports[self.port_at(name)]
        if self.dirty:
            self.settle()
        cdef uint8_t* data = <uint8_t*>port.data
        if port.bytes == 1:
            return data[0]
        return int.from_bytes(data[: port.bytes], "little")

    def set(self, name, value, /):
        cdef size_t at = self.input_at(name)
        cdef const Port* port = &self.ports[at]
        cdef uint8_t* data = <uint8_t*>port.data
        cdef const uint8_t[::1] given
        value = int(value)
        if value < 0 or value.bit_length() > port.width:
            raise ValueError(f"{name} has {port.width} bits: {value} does not fit")
        if port.bytes == 1:
            data[0] = value
        else:
            given = value.to_bytes(port.bytes, "little")
            move_bytes(port.data, &given[0], port.bytes)
        self.dirty = True

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self.get(name)

    def __setattr__(self, name, value):
        self.set(name, value)

    def __dir__(self):
        return [*object.__dir__(self), *self._places]

    @property
    def inputs(self):
        """Name to width of each."""
        return {name: self.ports[at].width for name, at in self._places.items() if self.ports[at].input}

    @property
    def outputs(self):
        return {name: self.ports[at].width for name, at in self._places.items() if not self.ports[at].input}

    def dtype(self, *names):
        """A row of these ports: u1, u2, u4 or u8, wider ones as little-endian u4 words."""
        columns = []
        for name in names:
            bytes = self.ports[self.port_at(name)].bytes
            columns.append((name, f"<u{bytes}") if bytes <= 8 else (name, "<u4", (bytes // 4,)))
        return np.dtype(columns)

    # --- time ---

    @property
    def cycles(self):
        """Rising edges so far."""
        return self.counted

    @property
    def finished(self):
        """Whether $finish was called."""
        return self.design.finished()

    def settle(self):
        """Lets inputs take effect on combinational outputs; no edge."""
        self.raise_if_stopped()
        try:
            with nogil:
                self.design.eval()
        except RuntimeError as error:
            self.stop(error)
            raise
        self.dirty = False

    def step(self, uint64_t count=1, /):
        """So many clock cycles with the inputs as they are."""
        cdef uint64_t at
        self.raise_if_stopped()
        try:
            with nogil:
                for at in range(count):
                    low(self.design[0], self.clock)
                    high(self.design[0], self.clock)
                    self.counted += 1
        except RuntimeError as error:
            self.stop(error)
            raise
        self.dirty = False

    def flush(self):
        """Writes the waves so far."""
        self.design.flush()

    cdef int raise_if_stopped(self) except -1:
        if self.stopped is not None:
            raise RuntimeError(f"the model has stopped: {self.stopped}")
        if self.design.finished():
            raise RuntimeError("the model has stopped: $finish")
        return 0

    cdef void stop(self, error) noexcept:
        self.stopped = str(error)
        self.design.flush()

    # --- in bulk ---

    cdef vector[Column] columns(self, table, cbool writes) except *:
        """Of a structured array whose fields are ports."""
        cdef vector[Column] found
        cdef Column column
        cdef size_t at
        if table.dtype.names is None:
            raise ValueError("a table's columns are ports: make it with model.dtype(...)")
        for name in table.dtype.names:
            at = self.input_at(name) if writes else self.port_at(name)
            kind, offset = table.dtype.fields[name][:2]
            if kind.itemsize != self.ports[at].bytes:
                raise ValueError(f"column {name} has {kind.itemsize} bytes, the port {self.ports[at].bytes}")
            if writes:
                self.check_width(table[name], name, self.ports[at].width)
            column.data = self.ports[at].data
            column.offset = offset
            column.bytes = self.ports[at].bytes
            found.push_back(column)
        return found

    def check_width(self, values, name, width):
        size = min(values.dtype.itemsize * 8, 64)
        spare = width % 32 if width > 64 else width % size
        if spare and values.size:
            top = values[..., -1] if width > 64 else values
            if int(top.max()) >> spare:
                raise ValueError(f"{name} has {width} bits: a value in its column does not fit")

    def run(self, inputs=None, outputs=None, *, cycles=None):
        """One clock cycle for each row. Outputs are what a register would take over at the end of that cycle."""
        count = _common_length(inputs, outputs, cycles)
        cdef const uint8_t[::1] given = _bytes_of(inputs)
        cdef uint8_t[::1] taken = _bytes_of(outputs)
        cdef vector[Column] ins, outs
        if inputs is not None:
            ins = self.columns(inputs, True)
        if outputs is not None:
            outs = self.columns(outputs, False)
        cdef size_t stride_in = 0 if inputs is None else inputs.dtype.itemsize
        cdef size_t stride_out = 0 if outputs is None else outputs.dtype.itemsize
        cdef const uint8_t* row_in = &given[0] if given.shape[0] else NULL
        cdef uint8_t* row_out = &taken[0] if taken.shape[0] else NULL
        cdef uint64_t at, rows = count
        cdef size_t number
        self.raise_if_stopped()
        try:
            with nogil:
                for at in range(rows):
                    for number in range(ins.size()):
                        move_bytes(ins[number].data, row_in + ins[number].offset, ins[number].bytes)
                    row_in += stride_in
                    low(self.design[0], self.clock)
                    for number in range(outs.size()):
                        move_bytes(row_out + outs[number].offset, outs[number].data, outs[number].bytes)
                    row_out += stride_out
                    high(self.design[0], self.clock)
                    self.counted += 1
        except RuntimeError as error:
            self.stop(error)
            raise
        self.dirty = False

    def play(self, sources=(), sinks=(), *, uint64_t cycles):
        """Streams with valid and ready until all rows of all sources went and all sinks are full, at most `cycles`.

        Gives the cycles that it took. See Source and Sink.
        """
        cdef vector[Flow*] ins, outs
        cdef Source source
        cdef Sink sink
        cdef uint64_t spent
        for source in sources:
            source.open(self)
            ins.push_back(&source.flow)
        for sink in sinks:
            sink.open(self)
            outs.push_back(&sink.flow)
        for source in sources:
            if source.after is not None and source.after not in sinks:
                raise ValueError("a source waits for the rows of a sink that is not played")
        self.raise_if_stopped()
        try:
            with nogil:
                spent = _play(self.design, self.clock, &self.counted, ins, outs, cycles)
        except RuntimeError as error:
            self.stop(error)
            raise
        for sink in sinks:
            if sink.flow.lost:
                raise RuntimeError(f"{sink.valid}: {sink.flow.lost} rows came when the sink was full")
        self.dirty = True
        return spent


def _common_length(inputs, outputs, cycles):
    counts = {len(table) for table in (inputs, outputs) if table is not None} | ({cycles} - {None})
    if len(counts) != 1:
        raise ValueError(f"inputs, outputs and cycles are not of one length: {sorted(counts)}")
    return counts.pop()


def _bytes_of(table):
    if table is None:
        return bytearray()
    if table.ndim != 1 or not table.flags.c_contiguous:
        raise ValueError("a table has one dimension and is contiguous")
    return table.view(np.uint8) if len(table) else bytearray()


# --- streams ---

cdef struct Flow:
    vector[Column] columns
    vector[Column] lead
    uint8_t* valid
    uint8_t* ready           # NULL: always
    uint8_t* lead_valid
    uint8_t* rows
    uint64_t* times          # of a source: not before this cycle; of a sink: in this cycle. NULL: whenever
    uint64_t* needs          # of a source: not before `after` has so many rows. NULL: whenever
    Flow* after
    uint64_t* went           # of a source: the cycle in which it went
    size_t stride
    uint64_t count
    uint64_t at
    uint64_t lost
    cbool chosen             # the row at `at` is offered in this cycle


cdef inline cbool _may_go(const Flow* flow, uint64_t at, uint64_t cycle) noexcept nogil:
    if at >= flow.count:
        return False
    if flow.times != NULL and cycle < flow.times[at]:
        return False
    return flow.needs == NULL or flow.after.at >= flow.needs[at]


cdef inline void _drive(const vector[Column]& columns, const uint8_t* row) noexcept nogil:
    cdef size_t number
    for number in range(columns.size()):
        move_bytes(columns[number].data, row + columns[number].offset, columns[number].bytes)


cdef inline void _offer(Flow* flow, uint64_t cycle) noexcept nogil:
    """What a source shows in this cycle: its row, and of the next one what leads it by a cycle."""
    cdef uint64_t following
    if flow.lead_valid == NULL:
        flow.chosen = flow.chosen or _may_go(flow, flow.at, cycle)
    flow.valid[0] = flow.chosen
    if flow.chosen:
        _drive(flow.columns, flow.rows + flow.at * flow.stride)
    if flow.lead_valid != NULL:
        following = flow.at + flow.chosen
        flow.lead_valid[0] = _may_go(flow, following, cycle + 1)
        if flow.lead_valid[0]:
            _drive(flow.lead, flow.rows + following * flow.stride)


cdef inline void _advance(Flow* flow, uint64_t cycle) noexcept nogil:
    if flow.chosen and (flow.ready == NULL or flow.ready[0]):
        if flow.went != NULL:
            flow.went[flow.at] = cycle
        flow.at += 1
        flow.chosen = False
    if flow.lead_valid != NULL:
        flow.chosen = flow.lead_valid[0]


cdef inline void _take(Flow* flow, uint64_t cycle) noexcept nogil:
    cdef size_t number
    cdef uint8_t* row
    if not flow.valid[0] or (flow.ready != NULL and not flow.ready[0]):
        return
    if flow.at >= flow.count:
        flow.lost += 1
        return
    row = flow.rows + flow.at * flow.stride
    for number in range(flow.columns.size()):
        move_bytes(row + flow.columns[number].offset, flow.columns[number].data, flow.columns[number].bytes)
    if flow.times != NULL:
        flow.times[flow.at] = cycle
    flow.at += 1


cdef uint64_t _play(
    Design* design, uint8_t* clock, uint64_t* counted, const vector[Flow*]& ins, const vector[Flow*]& outs,
    uint64_t cycles,
) except? 0xFFFFFFFFFFFFFFFF nogil:
    cdef uint64_t spent = 0
    cdef size_t number
    cdef cbool busy = True
    while busy and spent < cycles:
        for number in range(ins.size()):
            _offer(ins[number], spent)
        for number in range(outs.size()):
            if outs[number].ready != NULL:
                outs[number].ready[0] = outs[number].at < outs[number].count
        low(design[0], clock)
        busy = False
        for number in range(outs.size()):
            _take(outs[number], spent)
            busy |= outs[number].at < outs[number].count
        for number in range(ins.size()):
            _advance(ins[number], spent)
            busy |= ins[number].at < ins[number].count
        high(design[0], clock)
        spent += 1
        counted[0] += 1
    for number in range(ins.size()):
        ins[number].valid[0] = 0
        if ins[number].lead_valid != NULL:
            ins[number].lead_valid[0] = 0
            ins[number].chosen = False
    return spent


cdef class _Stream:
    cdef Flow flow
    cdef readonly object table
    cdef readonly str valid
    cdef str ready
    cdef const uint8_t[::1] data
    cdef object kept

    @property
    def done(self):
        """Rows that went, or came."""
        return self.flow.at

    cdef uint64_t* numbers(self, values, name) except? NULL:
        """Of a table of 64-bit numbers, one for each row; None: NULL."""
        cdef uint64_t[::1] view
        if values is None or len(self.table) == 0:
            return NULL
        if len(values) != len(self.table):
            raise ValueError(f"{name} has {len(values)} entries for {len(self.table)} rows")
        view = values
        self.kept.append(values)
        return &view[0]

    cdef int open_flow(self, Model model, cbool writes) except -1:
        self.data = _bytes_of(self.table)
        self.flow.rows = <uint8_t*>&self.data[0] if self.data.shape[0] else NULL
        self.flow.stride = self.table.dtype.itemsize
        self.flow.count = len(self.table)
        self.flow.columns = model.columns(self.table, writes)
        return 0


cdef class Source(_Stream):
    """Rows that go in, each offered until it is taken.

    rows        structured array; its fields are input ports
    valid       the port that says so, driven here; ready: the output that takes a row, "": always
    lead_valid, lead   fields that are shown one cycle before their row, and the port that says so; without ready alone
    not_before  cycle of this play() before which a row does not go (uint64, one for each row)
    needs, after       rows that the sink `after` must have before a row goes
    went        uint64 array that gets the cycle in which each row went
    """

    cdef readonly Sink after
    cdef object lead_table, not_before, needed, gone
    cdef str lead_valid
    cdef const uint8_t[::1] lead_data

    def __init__(
        self, rows, *, str valid, str ready="", str lead_valid="", lead=(), not_before=None, needs=None,
        Sink after=None, went=None,
    ):
        self.table, self.valid, self.ready, self.lead_valid = rows, valid, ready, lead_valid
        if lead_valid and ready:
            raise ValueError("a source that may have to wait cannot say one cycle before when it goes")
        if (needs is None) != (after is None):
            raise ValueError("needs and after go together")
        self.lead_table, self.not_before, self.needed, self.gone = tuple(lead), not_before, needs, went
        self.after, self.kept = after, []

    cdef int open(self, Model model) except -1:
        lead = self.table[list(self.lead_table)] if self.lead_table else None
        whole = self.table
        self.flow.lead_valid = NULL
        if self.lead_valid:
            self.flow.lead_valid = <uint8_t*>model.ports[model.input_at(self.lead_valid, 1)].data
        self.open_flow(model, True)
        self.flow.lead.clear()
        if lead is not None:
            self.flow.lead = model.columns(lead, True)
            rest = [name for name in whole.dtype.names if name not in self.lead_table]
            self.flow.columns = model.columns(whole[rest], True)
        self.flow.valid = <uint8_t*>model.ports[model.input_at(self.valid, 1)].data
        self.flow.ready = <uint8_t*>model.ports[model.port_at(self.ready)].data if self.ready else NULL
        self.flow.times = self.numbers(self.not_before, "not_before")
        self.flow.needs = self.numbers(self.needed, "needs")
        self.flow.went = self.numbers(self.gone, "went")
        self.flow.after = &self.after.flow if self.after is not None else NULL
        return 0


cdef class Sink(_Stream):
    """Rows that come out: structured array whose fields are ports; valid: an output; ready: an input driven here,
    "": there is none. `came` gets the cycle of each."""

    cdef object came

    def __init__(self, rows, *, str valid, str ready="", came=None):
        self.table, self.valid, self.ready, self.came, self.kept = rows, valid, ready, came, []

    cdef int open(self, Model model) except -1:
        self.open_flow(model, False)
        self.flow.valid = <uint8_t*>model.ports[model.port_at(self.valid)].data
        self.flow.ready = <uint8_t*>model.ports[model.input_at(self.ready, 1)].data if self.ready else NULL
        self.flow.times = self.numbers(self.came, "came")
        return 0
