"""The engines, and the process that each of them runs in.

Idle workers are stopped with SIGSTOP. A pool of threads that spins while it waits for work would else take a core from
the engine whose turn it is; stopped, every engine keeps its own defaults.
"""
import dataclasses, json, os, pathlib, signal, subprocess, sys, time

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = pathlib.Path("target/peers")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass(frozen=True)
class Engine:
    program: str
    dtype: str
    of_class: str  # what it is compared with
    command: tuple
    model: str = "model"
    options: tuple = ()

    @property
    def name(self):
        return f"{self.program} {self.dtype}"


def python(worker):
    return sys.executable, str(HERE / "workers" / f"{worker}_worker.py")


# benches/peer.rs.
WEMBED = ("target/release/peer",)
TORCH, SENTENCE_TRANSFORMERS, ONNXRUNTIME = map(python, ("torch", "sentence_transformers", "onnxruntime"))
ENGINES = [
    Engine("wembed", "f32", "f32", WEMBED),
    Engine("wembed", "bf16x3", "f32", WEMBED),
    Engine("torch", "f32", "f32", TORCH),
    Engine("sentence-transformers", "f32", "f32", SENTENCE_TRANSFORMERS),
    Engine("onnxruntime", "f32", "f32", ONNXRUNTIME, "onnx"),
    Engine("wembed", "f16", "f16", WEMBED),
    Engine("wembed", "bf16", "bf16", WEMBED),
    Engine("torch", "bf16", "bf16", TORCH),
    Engine("sentence-transformers", "bf16", "bf16", SENTENCE_TRANSFORMERS),
    Engine("onnxruntime", "int8", "int8", ONNXRUNTIME, "onnx"),
]


def gpu_engines(torch_device):
    """wembed on the best adapter, and torch on this device of its own."""
    def ours(name, dtype, of_class, *options):
        return Engine(name, dtype, of_class, WEMBED, "gpu-model", ("--device", "gpu", *options))

    def theirs(name, dtype, of_class, command, *options):
        return Engine(name, dtype, of_class, command, "gpu-model", ("--device", torch_device, *options))

    return [
        ours("wembed", "f32", "f32"),
        theirs("torch", "f32", "f32", TORCH),
        theirs("sentence-transformers", "f32", "f32", SENTENCE_TRANSFORMERS),
        ours("wembed", "f16", "half"),
        ours("wembed --matrices", "f16", "half", "--matrices"),
        theirs("torch", "f16", "half", TORCH),
        theirs("torch.compile", "f16", "half", TORCH, "--compile"),
        theirs("sentence-transformers", "f16", "half", SENTENCE_TRANSFORMERS),
    ]


# A worse distance to the reference than this is another model, not rounding. Seen were 1e-12, and 3e-10 with
# bf16x3; 2e-4; 4e-3; and 4.9e-1 where an export was wrong.
WORST_DISTANCE = {"f32": 1e-8, "f16": 1e-5, "half": 1e-3, "bf16": 2e-3, "int8": 2e-2}
REFERENCE = "sentence-transformers f32"


class WorkerError(Exception):
    """A worker that could not be started, ended, or said what the protocol does not know."""


class Worker:
    """A running engine. It is stopped except between `wake` and `sleep`; leaving its `with` ends it."""

    def __init__(self, engine, threads):
        self.engine = engine
        self.log = FOLDER / "logs" / f"{engine.name.replace(' ', '-')}.log"
        self.log.parent.mkdir(exist_ok=True)
        if not pathlib.Path(engine.command[0]).exists():
            raise WorkerError(f"{engine.name}: no `{engine.command[0]}`: build it, or choose other engines with --only")
        # The tokenizers package takes all cores unless rayon is told otherwise.
        environment = {**os.environ, "RAYON_NUM_THREADS": str(threads), "RUST_BACKTRACE": "0"}
        command = [*engine.command, "--model", FOLDER / engine.model, "--dtype", engine.dtype, "--threads", str(threads), *engine.options]
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)

    def __enter__(self):
        try:
            self.about = self.answer()
            if self.about.pop("ready", None) is not True:
                raise WorkerError(f"{self.engine.name}: expected `\"ready\": true` first, found `{self.about}`")
        except BaseException:
            self.process.kill()
            raise
        return self

    def __exit__(self, *_):
        self.process.kill()  # a stopped process can be killed too
        self.process.wait()

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
        self.process.send_signal(signal.SIGCONT)

    def sleep(self):
        self.process.send_signal(signal.SIGSTOP)

    def peak_memory(self):
        """The largest resident set so far, in bytes. Pages of mapped files count."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS  # utime and stime
