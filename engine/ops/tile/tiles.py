"""The tile kernel: a small block of a matrix product, its sums held in registers from beginning to end.

One shape serves convolution forward, backward to the data and to the weights, matrix products and recurrent nets:

    C[m, j] (+)= sum over r, k of  A[a_at[r] + m a_row + k a_step] * B[b_at[r] + k b_step + j b_next + :V]

with r < runs, k < length, m < rows, j < columns, each C[m, j] a vector of V floats at C + m c_row + j c_next; steps
count floats, tables hold offsets in floats. The tables make it a convolution without a matrix of columns: a run is one
tap of the kernel, or one block of channels. A is read one float at a time and spread over the vector, B a vector at a
time. The sums begin at 0, at C, or at a bias, and end in C, clamped at 0 if asked to. A kernel that looks ahead has the
vector fetched that lies `ahead` bytes beyond the first of each k, for a later call.

The kernels are written here in LLVM's language through llvmlite, about a tenth of a second each, and kept on disk.
"""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass
from typing import Any

import llvmlite
import llvmlite.binding as llvm
from llvmlite import ir

from ...forks import lock
from ...making import making
from . import store
from .target import features, kind, lanes, registers

FROM_ZERO, FROM_SUMS, FROM_BIAS = range(3)  # where the sums begin
ARGUMENTS = (
    "a", "a_at", "b", "b_at", "runs", "length", "c", "start", "bias", "rectify",
    "a_step", "b_step", "b_next", "c_row", "c_next",
)  # fmt: skip
VERSION = "2"  # of what is written here; kernels of another version on disk are not used

_lock = lock()
_kept: list[Any] = []  # machines whose code must stay


@dataclass(frozen=True)
class Tile:
    """What a kernel is made for. A step that is None comes as an argument; `a_rows` lists A's rows if not regular."""

    rows: int
    columns: int
    a_row: int = 0
    a_rows: tuple[int, ...] = ()
    a_step: int | None = None
    b_step: int | None = None
    unroll: int = 1
    ahead: bool = False

    def __post_init__(self) -> None:
        if self.rows * self.columns + self.columns > registers():
            raise ValueError(f"a tile of {self.rows} x {self.columns} vectors does not fit {registers()} registers")

    @property
    def name(self) -> str:
        described = "_".join(str(part) for part in (VERSION, llvmlite.__version__, kind(), features(), *astuple(self)))
        return "tile_" + hashlib.sha256(described.encode()).hexdigest()[:20]


_addresses: dict[Tile, int] = {}


def address_of(tile: Tile) -> int:
    """The address of the kernel, made at the first request of all, read from disk at the first of a process."""
    found = _addresses.get(tile)
    if found is None:
        with _lock:
            found = _addresses.get(tile) or _addresses.setdefault(tile, _make(tile))
    return found


def _make(tile: Tile) -> int:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    machine = target.create_target_machine(llvm.get_host_cpu_name(), features(), opt=3)
    code = store.read(tile.name)
    if code is None:
        with making():
            code = _compile(tile, machine)
        store.write(tile.name, code)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(f'declare void @"{tile.name}"()'), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _kept.append(engine)
    return engine.get_function_address(tile.name)


def _compile(tile: Tile, machine: Any) -> bytes:
    module = llvm.parse_assembly(_attributed(str(emit(tile)), tile.name))
    module.verify()
    tuning = llvm.create_pipeline_tuning_options(speed_level=3)
    tuning.loop_vectorization = tuning.slp_vectorization = tuning.loop_unrolling = False
    passes = llvm.create_pass_builder(machine, tuning)
    passes.getModulePassManager().run(module, passes)
    return machine.emit_object(module)


def _attributed(text: str, name: str) -> str:
    """Without its wish for whole registers LLVM would halve 512-bit vectors."""
    bits = lanes() * 32
    wish = f'nounwind "prefer-vector-width"="{bits}" "min-legal-vector-width"="{bits}"'
    head, _, rest = text.partition(f'define void @"{name}"(')
    arguments, _, body = rest.partition(")")
    return f'{head}define void @"{name}"({arguments}) {wish}{body}'


class Emitter:
    """Writes one kernel, block by block."""

    def __init__(self, tile: Tile):
        self.tile = tile
        self.int, self.float = ir.IntType(64), ir.FloatType()
        self.vector = ir.VectorType(self.float, lanes())
        self.module = ir.Module(tile.name, context=ir.Context())
        self.module.triple = llvm.get_default_triple()
        names = (*ARGUMENTS, "ahead") if tile.ahead else ARGUMENTS
        shape = ir.FunctionType(ir.VoidType(), [self.int] * len(names))
        self.function = ir.Function(self.module, shape, tile.name)
        self.argument: dict[str, Any] = dict(zip(names, self.function.args, strict=True))
        self.fma = ir.Function(self.module, ir.FunctionType(self.vector, [self.vector] * 3), f"llvm.fma.v{lanes()}f32")
        bytes_, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        fetching = ir.FunctionType(ir.VoidType(), [bytes_, number, number, number])
        self.fetching = ir.Function(self.module, fetching, "llvm.prefetch.p0i8")
        self.build: Any = ir.IRBuilder()
        self.sums = [(m, j) for m in range(tile.rows) for j in range(tile.columns)]

    def count(self, value: int) -> ir.Constant:
        return ir.Constant(self.int, value)

    def pointer(self, name: str, of: Any = None) -> Any:
        return self.build.inttoptr(self.argument[name], (of or self.float).as_pointer())

    def step(self, name: str) -> Any:
        fixed = getattr(self.tile, name)
        return self.argument[name] if fixed is None else self.count(fixed)

    def along(self, base: Any, offset: Any) -> Any:
        return self.build.gep(base, [offset])

    def times(self, value: Any, number: int) -> Any:
        return self.build.mul(value, self.count(number))

    def load(self, address: Any) -> Any:
        found = self.build.load(self.build.bitcast(address, self.vector.as_pointer()))
        found.align = 4
        return found

    def spread(self, address: Any) -> Any:
        nothing = ir.Constant(self.vector, ir.Undefined)
        one = self.build.insert_element(nothing, self.build.load(address), ir.Constant(ir.IntType(32), 0))
        first = ir.Constant(ir.VectorType(ir.IntType(32), lanes()), [0] * lanes())
        return self.build.shuffle_vector(one, nothing, first)

    def fetch(self, b: Any) -> None:
        """Have what lies ahead brought as near as the second cache."""
        at = self.build.gep(self.build.bitcast(b, ir.IntType(8).as_pointer()), [self.argument["ahead"]])
        self.build.call(self.fetching, [at, *(ir.Constant(ir.IntType(32), value) for value in (0, 2, 1))])

    def block(self, name: str) -> Any:
        return self.function.append_basic_block(name)

    def phis(self, kind: Any) -> dict[tuple[int, int], Any]:
        return {at: self.build.phi(kind) for at in self.sums}

    def row(self, m: int) -> int:
        return self.tile.a_rows[m] if self.tile.a_rows else m * self.tile.a_row

    def products(self, a: Any, b: Any, sums: dict[tuple[int, int], Any]) -> dict[tuple[int, int], Any]:
        """The sums after one k: every row's float times every column's vector."""
        sums = dict(sums)
        if self.tile.ahead:
            self.fetch(b)
        vectors = [self.load(self.along(b, self.b_next[j])) for j in range(self.tile.columns)]
        for m in range(self.tile.rows):
            number = self.spread(self.along(a, self.count(self.row(m))))
            for j, vector in enumerate(vectors):
                sums[m, j] = self.build.call(self.fma, [number, vector, sums[m, j]])
        return sums

    def emit(self) -> ir.Module:
        build, tile = self.build, self.tile
        begin, zero, resume, biased = (self.block(name) for name in ("begin", "zero", "resume", "biased"))
        run, step, run_end, end = (self.block(name) for name in ("run", "step", "run_end", "end"))
        build.position_at_end(begin)
        a, b, c, bias = (self.pointer(name) for name in ("a", "b", "c", "bias"))
        a_at, b_at = self.pointer("a_at", self.int), self.pointer("b_at", self.int)
        a_step, b_step = self.step("a_step"), self.step("b_step")
        self.b_next = [self.times(self.argument["b_next"], j) for j in range(tile.columns)]
        c_next = [self.times(self.argument["c_next"], j) for j in range(tile.columns)]
        start = build.switch(self.argument["start"], zero)
        start.add_case(self.count(FROM_SUMS), resume)
        start.add_case(self.count(FROM_BIAS), biased)

        def result(m: int, j: int) -> Any:
            return self.along(c, build.add(self.times(self.argument["c_row"], m), c_next[j]))

        nothing = ir.Constant(self.vector, None)
        first = {}
        build.position_at_end(zero)
        first[zero] = dict.fromkeys(self.sums, nothing)
        build.branch(run)
        build.position_at_end(resume)
        first[resume] = {at: self.load(result(*at)) for at in self.sums}
        build.branch(run)
        build.position_at_end(biased)
        offsets = [self.load(self.along(bias, self.count(j * lanes()))) for j in range(tile.columns)]
        first[biased] = {(m, j): offsets[j] for m, j in self.sums}
        build.branch(run)

        build.position_at_end(run)
        r, before_run = build.phi(self.int), self.phis(self.vector)
        for block, values in first.items():
            r.add_incoming(self.count(0), block)
            for at in self.sums:
                before_run[at].add_incoming(values[at], block)
        a_run = self.along(a, build.load(self.along(a_at, r)))
        b_run = self.along(b, build.load(self.along(b_at, r)))
        build.branch(step)

        build.position_at_end(step)
        k, a_here, b_here = build.phi(self.int), build.phi(a_run.type), build.phi(b_run.type)
        sums = self.phis(self.vector)
        after = sums
        for u in range(tile.unroll):
            a_now = self.along(a_here, self.times(a_step, u)) if u else a_here
            b_now = self.along(b_here, self.times(b_step, u)) if u else b_here
            after = self.products(a_now, b_now, after)
        k_next = build.add(k, self.count(tile.unroll))
        following = (
            (k, self.count(0), k_next),
            (a_here, a_run, self.along(a_here, self.times(a_step, tile.unroll))),
            (b_here, b_run, self.along(b_here, self.times(b_step, tile.unroll))),
            *((sums[at], before_run[at], after[at]) for at in self.sums),
        )
        for value, at_first, later in following:
            value.add_incoming(at_first, run)
            value.add_incoming(later, step)
        build.cbranch(build.icmp_signed("<", k_next, self.argument["length"]), step, run_end)

        build.position_at_end(run_end)
        r_next = build.add(r, self.count(1))
        r.add_incoming(r_next, run_end)
        for at in self.sums:
            before_run[at].add_incoming(after[at], run_end)
        build.cbranch(build.icmp_signed("<", r_next, self.argument["runs"]), run, end)

        build.position_at_end(end)
        rectify = build.icmp_signed("!=", self.argument["rectify"], self.count(0))
        for at in self.sums:
            below = build.fcmp_ordered("<", after[at], nothing)  # what is no number stays
            value = build.select(rectify, build.select(below, nothing, after[at]), after[at])
            build.store(value, build.bitcast(result(*at), self.vector.as_pointer())).align = 4
        build.ret_void()
        return self.module


def emit(tile: Tile) -> ir.Module:
    """The kernel in LLVM's language. `unroll` must divide every `length` it is called with."""
    return Emitter(tile).emit()
