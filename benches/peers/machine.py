"""What the figures were measured on."""
import datetime, importlib.metadata, os, pathlib, platform, shlex, subprocess, sys

TICKS = os.sysconf("SC_CLK_TCK")
PACKAGES = ["torch", "transformers", "sentence-transformers", "tokenizers", "onnxruntime", "onnx"]
# Those that decide how fast a matrix product can be.
INSTRUCTION_SETS = ["avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8"]


def processor():
    """Its name and its instruction sets."""
    fields = {}
    for line in pathlib.Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines():
        name, _, value = line.partition(":")
        fields[name.strip()] = value.strip()
    family = f"family {fields.get('cpu family', '?')}, model {fields.get('model', '?')}"  # hypervisors shorten the name
    instruction_sets = fields.get("flags", fields.get("Features", "")).split()
    return f"{fields.get('model name', platform.processor())} ({family})", instruction_sets


def commit():
    """This tree's commit; `-dirty` where it is not exactly that."""
    command = ["git", "--no-optional-locks", "describe", "--always", "--dirty", "--exclude=*"]
    described = subprocess.run(command, capture_output=True, text=True)
    return described.stdout.strip() or "unknown"


def version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def describe(command):
    name, flags = processor()
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2 ** 30
    return {
        "machine": f"{name}, {os.cpu_count()} cores, {gigabytes:.0f} GB, {platform.system()} {platform.machine()}",
        "instruction sets": ", ".join(f"{name} {'yes' if name in flags else 'no'}" for name in INSTRUCTION_SETS),
        "date": datetime.date.today().isoformat(),
        "versions": ", ".join([f"wembed at {commit()}", f"Python {platform.python_version()}"]
                              + [f"{package} {version(package)}" for package in PACKAGES if version(package)]),
        "command": shlex.join([command, *sys.argv[1:]]),
    }


def busy_seconds():
    """Processor time that this machine has spent so far, that which its host kept for others (`steal`) included."""
    user, nice, system, _idle, _waiting, interrupts, soft_interrupts, steal = map(
        int, pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:9])
    return (user + nice + system + interrupts + soft_interrupts + steal) / TICKS
