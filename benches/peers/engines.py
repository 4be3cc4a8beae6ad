"""The engines, and the process that each of them runs in.

Idle workers are stopped with SIGSTOP. A pool of threads that spins while it waits for work would else take a core from
the engine whose turn it is; stopped, every engine keeps its own defaults. A worker and what it starts are one group.
"""
import contextlib, dataclasses, json, os, pathlib, shutil, signal, subprocess, sys, time

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = pathlib.Path("target/peers")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass(frozen=True)
class Engine:
    program: str
    dtype: str
    of_class: str  # what it is compared with
    command: tuple
    model: str
    options: tuple = ()
    worst: float = None  # where it is known to be farther from the reference than its dtype makes it
    note: str = ""  # what a reader of the tables must know

    @property
    def name(self):
        return f"{self.program} {self.dtype}"

    @property
    def worst_distance(self):
        return self.worst or WORST_DISTANCE[self.dtype]


# A worse distance to the reference than this is another model, not rounding. Seen were 1e-12, and 3e-10 with
# bf16x3; 2e-6 for weights in f16, 2e-4 for all in bf16, 3e-2 in int8; and 4.9e-1 where an export was wrong.
WORST_DISTANCE = {"f32": 1e-8, "bf16x3": 1e-8, "f16": 1e-3, "bf16": 2e-3, "int8": 5e-2, "q8": 5e-2}
REFERENCE = "sentence-transformers f32"


def python(worker, venv="venv"):
    return str(FOLDER / venv / "bin/python"), str(HERE / "workers" / f"{worker}_worker.py")


def node(worker):
    return "node", str(HERE / "workers" / f"{worker}_worker.mjs")


# benches/peer.rs.
WEMBED = ("target/release/peer",)
TORCH, SENTENCE_TRANSFORMERS, ONNXRUNTIME = map(python, ("torch", "sentence_transformers", "onnxruntime"))


def mpnet():
    """Of the size of mpnet-base, which is that of the models that matter; random weights."""
    def engine(*of):
        return Engine(*of, "mpnet")

    return [
        engine("wembed", "f32", "f32", WEMBED),
        engine("wembed", "bf16x3", "f32", WEMBED),
        engine("torch", "f32", "f32", TORCH),
        engine("sentence-transformers", "f32", "f32", SENTENCE_TRANSFORMERS),
        engine("onnxruntime", "f32", "f32", ONNXRUNTIME),
        engine("wembed", "f16", "half", WEMBED),
        engine("wembed", "bf16", "half", WEMBED),
        engine("torch", "bf16", "half", TORCH),
        engine("sentence-transformers", "bf16", "half", SENTENCE_TRANSFORMERS),
        engine("wembed", "int8", "int8", WEMBED),
        engine("onnxruntime", "int8", "int8", ONNXRUNTIME),
    ]


def minilm():
    """The trained all-MiniLM-L6-v2, which programs read that know BERT but not MPNet."""
    def engine(*of, **options):
        return Engine(*of, "minilm", **options)

    rust = {name: (str(FOLDER / "rust/release" / name),) for name in ("candle", "fastembed")}
    onnx, llama, http = python("sentence_transformers_onnx", "venv-onnx"), python("llama"), python("http")
    another_gelu = dict(worst=1e-3, note="its GELU is the one by tanh, out of a table in f16; the model's is the one by erf")
    return [
        engine("wembed", "f32", "f32", WEMBED),
        engine("sentence-transformers", "f32", "f32", SENTENCE_TRANSFORMERS),
        engine("sentence-transformers onnx", "f32", "f32", onnx),
        engine("onnxruntime", "f32", "f32", ONNXRUNTIME),
        engine("fastembed", "f32", "f32", rust["fastembed"]),
        engine("candle", "f32", "f32", rust["candle"]),
        engine("llama.cpp", "f32", "f32", llama, **another_gelu),
        engine("wembed", "f16", "half", WEMBED),
        engine("wembed", "bf16", "half", WEMBED),
        engine("sentence-transformers", "bf16", "half", SENTENCE_TRANSFORMERS),
        engine("llama.cpp", "f16", "half", llama, **another_gelu),
        engine("wembed", "int8", "int8", WEMBED),
        engine("onnxruntime", "int8", "int8", ONNXRUNTIME),
        engine("sentence-transformers onnx", "int8", "int8", onnx),
        engine("llama.cpp", "q8", "int8", llama),
        engine("wembed in Node", "f32", "node", node("wembed")),
        engine("transformers.js in Node", "f32", "node", node("transformers")),
        engine("transformers.js in Node", "q8", "node", node("transformers")),
        engine("wembed serve", "f32", "http", http, options=("--server", "wembed")),
        engine("sidecar", "f32", "http", http, options=("--server", "sidecar")),
    ]


def gpu(torch_device):
    """wembed on the best adapter, and torch on this device of its own."""
    def ours(name, dtype, of_class, *options):
        return Engine(name, dtype, of_class, WEMBED, "gpu-model", ("--device", "gpu", *options))

    def theirs(name, dtype, of_class, command, *options):
        # The Python that measures, since a card's torch is seldom in a folder of ours.
        return Engine(name, dtype, of_class, (sys.executable, command[1]), "gpu-model", ("--device", torch_device, *options))

    return [
        ours("wembed", "f32", "f32"),
        theirs("torch", "f32", "f32", TORCH),
        theirs("sentence-transformers", "f32", "f32", SENTENCE_TRANSFORMERS),
        ours("wembed", "f16", "half"),
        ours("wembed --matrices", "f16", "half", "--matrices"),
        ours("wembed", "int8", "int8"),
        theirs("torch", "f16", "half", TORCH),
        theirs("torch.compile", "f16", "half", TORCH, "--compile"),
        theirs("sentence-transformers", "f16", "half", SENTENCE_TRANSFORMERS),
    ]


class WorkerError(Exception):
    """A worker that could not be started, ended, or said what the protocol does not know."""


class Worker:
    """A running engine. It is stopped except between `wake` and `sleep`; leaving its `with` ends it."""

    def __init__(self, engine, threads):
        self.engine = engine
        self.log = FOLDER / "logs" / f"{engine.name.replace(' ', '-')}.log"
        self.log.parent.mkdir(exist_ok=True)
        if not shutil.which(engine.command[0]):
            raise WorkerError(f"{engine.name}: no `{engine.command[0]}`: build it, or choose other engines with --only")
        # The tokenizers package takes all cores unless rayon is told otherwise.
        environment = {**os.environ, "RAYON_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads), "RUST_BACKTRACE": "0",
                       "ORT_DYLIB_PATH": onnxruntime_library()}
        command = [*engine.command, "--model", FOLDER / engine.model, "--dtype", engine.dtype, "--threads", str(threads), *engine.options]
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=environment,
                start_new_session=True)

    def __enter__(self):
        try:
            self.about = self.answer()
            if self.about.pop("ready", None) is not True:
                raise WorkerError(f"{self.engine.name}: expected `\"ready\": true` first, found `{self.about}`")
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        self.signal(signal.SIGKILL)  # a stopped process can be killed too
        self.process.wait()

    def signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            status = self.process.wait()
            tail = "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
            raise WorkerError(
                f"{self.engine.name}: expected an answer, found that it ended with status {status}; `{self.log}` ends:\n{tail}")
        try:
            return json.loads(line)
        except ValueError:
            raise WorkerError(f"{self.engine.name}: expected a line of JSON, found `{line[:200].rstrip()}`") from None

    def ask(self, texts, vectors=False):
        """The worker's answer, with the time that it took as seen from here as `wall`."""
        start = time.perf_counter()
        try:
            self.process.stdin.write(json.dumps({"texts": texts, "vectors": vectors}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the missing answer says it better
        answer = {**self.answer(), "wall": time.perf_counter() - start}
        if not 0 < answer.get("seconds", 0) <= answer["wall"]:
            raise WorkerError(
                f"{self.engine.name}: expected `seconds` above 0 and within the {answer['wall']:.6f} s of the request, "
                f"found `{answer.get('seconds')}`")
        found = len(answer.get("vectors", []))
        if vectors and found != len(texts):
            raise WorkerError(f"{self.engine.name}: expected {len(texts)} vectors, found {found}")
        return answer

    def wake(self):
        self.signal(signal.SIGCONT)

    def sleep(self):
        self.signal(signal.SIGSTOP)

    def peak_memory(self):
        """The largest resident sets so far of its processes, in bytes: of a server's alone, where there is one. Pages of mapped files count."""
        def peak(process):
            return int((process / "status").read_text().split("VmHWM:")[1].split()[0]) * 1024

        is_client = "--server" in self.engine.options
        return sum(peak(process) for process in self.processes() if not (is_client and process.name == str(self.process.pid)))

    def cpu_seconds(self):
        return sum(int(ticks) for process in self.processes() for ticks in stat(process)[11:13]) / TICKS  # utime and stime

    def processes(self):
        """The folders in /proc of the group's processes."""
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if int(stat(process)[2]) == self.process.pid:
                    yield process


def stat(process):
    """A process's numbers, from its state on."""
    return (process / "stat").read_text().rpartition(")")[2].split()


def onnxruntime_library():
    """For what loads it by name: the one of Python's package."""
    return str(next((FOLDER / "venv").glob("lib/python*/site-packages/onnxruntime/capi/libonnxruntime.so.*"), pathlib.Path()).absolute())
