"""Verilated designs as Python objects: widths, time, streams, what becomes of an assertion."""

from __future__ import annotations

import threading
from pathlib import Path
from random import Random, SystemRandom
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from sim.verilated import BuildError, build
from sim.verilated.builder import ports_of

DESIGN = Path(__file__).with_name("widths.sv")
PORTS = {"a": 5, "b": 12, "c": 31, "d": 64, "e": 70, "f": 1024}
SEED = SystemRandom().randrange(2**32)

pytestmark = pytest.mark.slow  # the first use compiles for some seconds


@pytest.fixture(scope="module")
def design() -> ModuleType:
    return build("widths", files=[DESIGN], trace=True)


@pytest.fixture
def model(design: ModuleType) -> Any:
    return design.Model()


def test_ports_are_ints_of_any_width(model: Any) -> None:
    chance = Random(SEED)
    assert model.inputs["f_i"] == 1024
    assert model.outputs["e_o"] == 70
    for _ in range(50):
        values = {name: chance.choice([0, 1, 2**bits - 1, chance.getrandbits(bits)]) for name, bits in PORTS.items()}
        for name, value in values.items():
            setattr(model, f"{name}_i", value)
        model.step()
        assert {name: getattr(model, f"{name}_o") for name in PORTS} == values, f"seed {SEED}"
        assert {name: model.get(f"{name}_i") for name in PORTS} == values


@pytest.mark.parametrize("name", PORTS)
def test_a_value_that_does_not_fit_is_refused(model: Any, name: str) -> None:
    for value in (-1, 2 ** PORTS[name], 2**2000):
        with pytest.raises(ValueError, match=f"{name}_i has {PORTS[name]} bits"):
            model.set(f"{name}_i", value)
    assert model.get(f"{name}_i") == 0


def test_names_that_are_no_ports_are_refused(model: Any) -> None:
    with pytest.raises(AttributeError, match="no port 'a_ii'; did you mean a_i"):
        model.a_ii = 1
    with pytest.raises(AttributeError, match="a_o is an output"):
        model.a_o = 1
    with pytest.raises(AttributeError, match="no port 'q'"):
        _ = model.q


def test_an_output_follows_the_inputs_without_an_edge(model: Any) -> None:
    before = model.cycles
    model.a_i, model.b_i = 3, 4095
    assert model.sum_o == 4098
    assert (model.cycles, model.a_o) == (before, 0)
    model.step(3)
    assert (model.cycles, model.a_o) == (before + 3, 3)


def test_reset_is_held_and_released(design: ModuleType) -> None:
    assert design.Model().rst_ni == 1
    model = design.Model(hold_reset=0)
    assert model.rst_ni == 0
    model.a_i = 7
    model.step()
    assert model.a_o == 0
    model.rst_ni = 1
    model.step()
    assert model.a_o == 7


@pytest.mark.parametrize(("port", "text"), [("bad_i", "bad is 3"), ("error_i", "error is 9")])
def test_an_assertion_is_an_exception_that_says_where(design: ModuleType, port: str, text: str) -> None:
    model, other = design.Model(), design.Model()
    model.a_i, model.b_i = 3, 9
    model.set(port, 1)
    with pytest.raises(RuntimeError, match=rf"at .*widths\.sv:\d+.*{text}"):
        model.step(5)
    for call in (model.step, model.settle, lambda: model.run(cycles=1), lambda: model.play(cycles=1)):
        with pytest.raises(RuntimeError, match=r"the model has stopped: .*widths\.sv"):
            call()
    other.a_i = 4
    other.step()
    assert other.a_o == 4
    assert design.Model().a_o == 0


def test_finish_stops_the_model(model: Any) -> None:
    assert not model.finished
    model.finish_i = 1
    model.step()
    assert model.finished
    with pytest.raises(RuntimeError, match=r"\$finish"):
        model.step()


def test_assertions_may_be_left_out() -> None:
    model = build("widths", files=[DESIGN], assertions=False).Model()
    model.bad_i = 1
    model.step()


def test_a_run_is_the_same_as_steps(design: ModuleType) -> None:
    rng = np.random.default_rng(SEED)
    swift, slow = design.Model(), design.Model()
    rows = 300
    inputs = np.zeros(rows, swift.dtype(*(f"{name}_i" for name in PORTS)))
    for name, bits in PORTS.items():
        raw = rng.integers(0, 256, (rows, inputs[f"{name}_i"].nbytes // rows), np.uint8)
        values = [int.from_bytes(row.tobytes(), "little") & (2**bits - 1) for row in raw]
        size = raw.shape[1]
        packed = b"".join(value.to_bytes(size, "little") for value in values)
        inputs[f"{name}_i"] = np.frombuffer(packed, inputs[f"{name}_i"].dtype).reshape(inputs[f"{name}_i"].shape)
    outputs = np.zeros(rows, swift.dtype("sum_o", *(f"{name}_o" for name in PORTS)))
    swift.run(inputs, outputs)
    for at in range(rows):
        for name in PORTS:
            slow.set(f"{name}_i", int.from_bytes(inputs[f"{name}_i"][at].tobytes(), "little"))
        for name in outputs.dtype.names or ():
            assert slow.get(name) == int.from_bytes(outputs[name][at].tobytes(), "little"), f"seed {SEED}, row {at}"
        slow.step()
    assert swift.cycles == slow.cycles
    assert all(swift.get(f"{name}_o") == slow.get(f"{name}_o") for name in PORTS)


def test_a_run_refuses_tables_that_do_not_fit(model: Any) -> None:
    inputs = np.zeros(2, model.dtype("b_i", "e_i"))
    with pytest.raises(ValueError, match="not of one length"):
        model.run(inputs, np.zeros(3, model.dtype("b_o")))
    inputs["b_i"][1] = 4096
    with pytest.raises(ValueError, match="b_i has 12 bits"):
        model.run(inputs)
    inputs["b_i"][1] = 4095
    inputs["e_i"][0, 2] = 64
    with pytest.raises(ValueError, match="e_i has 70 bits"):
        model.run(inputs)
    inputs["e_i"][0, 2] = 63
    model.run(inputs)
    with pytest.raises(AttributeError, match="b_o is an output"):
        model.run(np.zeros(2, model.dtype("b_o")))
    with pytest.raises(ValueError, match="column a_i has 8 bytes, the port 1"):
        model.run(np.zeros(2, [("a_i", "u8")]))
    with pytest.raises(ValueError, match="contiguous"):
        model.run(np.zeros(4, model.dtype("b_i"))[::2])
    with pytest.raises(ValueError, match=r"model\.dtype"):
        model.run(np.zeros(2, np.uint8))


def rows_of(model: Any, port: str, values: Any, **more: Any) -> Any:
    rows = np.zeros(len(values), model.dtype(port, *more))
    for name, column in {port: values, **more}.items():
        rows[name] = column
    return rows


def test_streams_wait_for_ready_and_lose_nothing(design: ModuleType) -> None:
    model = design.Model()
    values = np.arange(200) % 251
    words = design.Source(rows_of(model, "word_i", values), valid="word_valid_i", ready="word_ready_o")
    taken = design.Sink(np.zeros(200, model.dtype("word_o")), valid="word_valid_o", ready="word_ready_i")
    assert model.play([words], [taken], cycles=1_000) == 201
    assert (words.done, taken.done) == (200, 200)
    assert taken.table["word_o"].tolist() == values.tolist()
    # A sink that is full takes no more, and the source waits.
    words = design.Source(rows_of(model, "word_i", values), valid="word_valid_i", ready="word_ready_o")
    taken = design.Sink(np.zeros(50, model.dtype("word_o")), valid="word_valid_o", ready="word_ready_i")
    assert model.play([words], [taken], cycles=300) == 300
    assert (words.done, taken.done) == (51, 50)


def test_rows_come_when_they_may(design: ModuleType) -> None:
    model = design.Model()
    words_in, rows_in = np.arange(6), np.arange(100, 106)
    came, went = np.zeros(6, np.uint64), np.zeros(6, np.uint64)
    words_out = design.Sink(np.zeros(6, model.dtype("word_o")), valid="word_valid_o", ready="word_ready_i", came=came)
    not_before = np.array([0, 5, 5, 5, 40, 40], np.uint64)
    words = design.Source(
        rows_of(model, "word_i", words_in), valid="word_valid_i", ready="word_ready_o", not_before=not_before
    )
    needs = np.array([0, 0, 1, 4, 4, 6], np.uint64)
    rows = design.Source(
        rows_of(model, "row_i", rows_in, key_i=rows_in),
        valid="row_valid_i",
        lead_valid="key_valid_i",
        lead=["key_i"],
        needs=needs,
        after=words_out,
        went=went,
    )
    rows_out = design.Sink(np.zeros(6, model.dtype("row_o")), valid="row_valid_o")
    model.play([words, rows], [words_out, rows_out], cycles=1_000)
    assert rows_out.table["row_o"].tolist() == [256 + row for row in rows_in]  # each was announced
    assert came.tolist() == [1, 6, 7, 8, 41, 42]
    assert went.tolist() == [1, 2, 3, 10, 11, 44]
    assert words_out.table["word_o"].tolist() == words_in.tolist()


def test_a_sink_without_ready_may_not_overflow(design: ModuleType) -> None:
    model = design.Model()
    rows = design.Source(rows_of(model, "row_i", np.arange(9)), valid="row_valid_i")
    few = design.Sink(np.zeros(5, model.dtype("row_o")), valid="row_valid_o")
    with pytest.raises(RuntimeError, match="row_valid_o: 3 rows came when the sink was full"):
        model.play([rows], [few], cycles=10)


def test_streams_that_make_no_sense_are_refused(design: ModuleType) -> None:
    model = design.Model()
    table = rows_of(model, "row_i", np.arange(3))
    other = design.Sink(np.zeros(1, model.dtype("row_o")), valid="row_valid_o")
    with pytest.raises(ValueError, match="one cycle before"):
        design.Source(table, valid="row_valid_i", ready="word_ready_o", lead_valid="key_valid_i")
    with pytest.raises(ValueError, match="needs and after"):
        design.Source(table, valid="row_valid_i", needs=np.zeros(3, np.uint64))
    waiting = design.Source(table, valid="row_valid_i", needs=np.zeros(3, np.uint64), after=other)
    with pytest.raises(ValueError, match="not played"):
        model.play([waiting], cycles=1)
    short = design.Source(table, valid="row_valid_i", not_before=np.zeros(2, np.uint64))
    with pytest.raises(ValueError, match="2 entries for 3 rows"):
        model.play([short], cycles=1)


def test_instances_run_side_by_side_in_threads(design: ModuleType) -> None:
    models = [design.Model() for _ in range(3)]

    def work(number: int) -> None:
        models[number].a_i = number + 1
        models[number].step(20_000)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [model.a_o for model in models] == [1, 2, 3]


def test_waves_are_written(design: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "waves.fst"
    model = design.Model(trace=path)
    model.a_i = 1
    model.step(10)
    model.bad_i = 1
    with pytest.raises(RuntimeError, match="bad is 1"):
        model.step()
    del model
    assert path.stat().st_size > 100
    with pytest.raises(RuntimeError, match="built without waves"):
        build("widths", files=[DESIGN], assertions=False).Model(trace=path)


def test_what_was_built_is_found_again_and_what_differs_is_not(design: ModuleType) -> None:
    assert build("widths", files=[DESIGN], trace=True) is design
    deeper = build("widths", files=[DESIGN], trace=True, parameters={"Depth": 77})
    assert deeper is not design
    assert deeper.Model().depth_o == 77


def test_a_design_that_does_not_build_says_why(tmp_path: Path) -> None:
    broken = tmp_path / "broken.sv"
    broken.write_text("module broken (input wire logic clk_i);\n  nothing u_nothing ();\nendmodule\n")
    with pytest.raises(BuildError, match="nothing"):
        build("broken", files=[broken])
    with pytest.raises(BuildError, match="no ports"):
        ports_of("class Vtop {};")
    with pytest.raises(BuildError, match="inout"):
        ports_of("VL_INOUT8(&pin,0,0);")
