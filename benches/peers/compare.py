"""Measures the engines in alternating rounds. `benches/peers/run` sets up what it needs and starts it.

All engines stay loaded; one at a time is awake. A round goes through its cases, and for each case through all engines,
starting one engine later than the round before: neighbours in time are what is compared. The first, slowest request of
each case is the warm-up, which also brings the vectors. Slow cases get fewer rounds.
"""
import argparse, contextlib, hashlib, json, os, pathlib, re, signal, sys, time

import numpy

import engines, machine, table, texts
from engines import FOLDER, REFERENCE, Worker, WorkerError

FEWEST_ROUNDS, MOST_ROUNDS = 3, 15
# A turn's figure is the median of so many requests, or of those that begin within so many seconds.
REQUESTS, TURN_SECONDS = 7, 0.4


def parse(arguments):
    parser = argparse.ArgumentParser(prog="benches/peers/run")
    parser.add_argument("--model", choices=["mpnet", "minilm"], default="mpnet",
                        help="mpnet-base's size with random weights, or the trained all-MiniLM-L6-v2 with more engines beside it (mpnet)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of every engine (all cores)")
    parser.add_argument("--minutes", type=float, default=6,
                        help=f"time for loading and rounds (6); more if {FEWEST_ROUNDS} rounds of each case need it")
    parser.add_argument("--only", default="", metavar="PATTERN",
                        help="engines with a match of this regular expression in their names")
    parser.add_argument("--cases", default="", metavar="PATTERN", help="cases with a match of this in their names")
    parser.add_argument("--gpu", action="store_true", help="engines on a GPU; benches/gpu/run sets up what they need")
    parser.add_argument("--torch", default="cuda", metavar="DEVICE", help="with --gpu, torch's device (cuda)")
    parser.add_argument("--output", type=pathlib.Path, metavar="FILE", help="every measurement as JSON")
    parser.add_argument("--chart", type=pathlib.Path, metavar="FILE", help="the rates as an SVG")
    arguments = parser.parse_args(arguments)
    arguments.all = engines.gpu(arguments.torch) if arguments.gpu else getattr(engines, arguments.model)()
    arguments.engines = [engine for engine in arguments.all if re.search(arguments.only, engine.name)]
    if not arguments.engines:
        names = ", ".join(engine.name for engine in arguments.all)
        parser.error(f"--only: expected a match in one of {names}; found none of `{arguments.only}`")
    return arguments


def note(message):
    print(f"peers: {message}", file=sys.stderr, flush=True)


def reference_vectors(cases, engine, threads):
    """The vectors that all others are held against. They are kept: these texts and weights are the same in every run."""
    made_of = json.dumps([case.texts for case in cases]) + (FOLDER / engine.model / "key").read_text()
    path = FOLDER / f"reference-{hashlib.sha256(made_of.encode()).hexdigest()[:16]}.npz"
    if not path.exists():
        note(f"making {path}")
        with Worker(engine, threads) as worker:
            numpy.savez(path, **{case.name: worker.ask(case.texts, vectors=True)["vectors"] for case in cases})
    with numpy.load(path) as vectors:
        return {case.name: vectors[case.name] for case in cases}


def worst_distance(vectors, reference):
    """The largest 1 - cos, as half the squared distance of the unit vectors: nothing cancels."""
    vectors, reference = (numpy.asarray(each, dtype=numpy.float64) for each in (vectors, reference))
    if vectors.shape != reference.shape:
        raise WorkerError(f"expected vectors of shape {reference.shape}, found {vectors.shape}")
    unit, reference_unit = (each / numpy.linalg.norm(each, axis=1, keepdims=True) for each in (vectors, reference))
    return float((numpy.square(unit - reference_unit).sum(1) / 2).max())  # a NaN stays one


def turn(worker, case):
    """Requests of one case, in seconds each."""
    answers = []
    while len(answers) < REQUESTS and sum(answer["wall"] for answer in answers) < TURN_SECONDS:
        answers.append(worker.ask(case.texts))
    return [answer["seconds"] for answer in answers]


def plan(costs, budget):
    """Rounds for each case. The case that has had least time gets the next one, as long as one fits the budget."""
    rounds = {name: FEWEST_ROUNDS for name in costs}
    while True:
        left = budget - sum(rounds[name] * costs[name] for name in costs)
        fitting = [name for name in costs if rounds[name] < MOST_ROUNDS and costs[name] <= left]
        if not fitting:
            return rounds
        rounds[min(fitting, key=lambda name: rounds[name] * costs[name])] += 1


def warm_up(worker, cases, reference):
    """The first requests: what a turn of each case will cost about, and the worst distance of all vectors."""
    answers = {case.name: worker.ask(case.texts, vectors=True) for case in cases}
    distance = max((worst_distance(answers[name]["vectors"], reference[name]) for name in answers),
                   key=lambda distance: (numpy.isnan(distance), distance))
    bound = worker.engine.worst_distance
    if not distance <= bound:  # so that a NaN fails
        raise WorkerError(f"{worker.engine.name}: expected at most {bound} of 1 - cos to {REFERENCE}, found {distance:.2g}")
    seconds = {name: min(answer["seconds"] * REQUESTS, answer["seconds"] + TURN_SECONDS) for name, answer in answers.items()}
    return seconds, distance


def measure(workers, cases, rounds):
    """seconds[engine][case][round] is a list of requests."""
    seconds = {worker.engine.name: {case.name: [] for case in cases} for worker in workers}
    last = max(rounds.values())
    for number in range(last):
        # A case of fewer rounds is spread over all of them.
        due = [case for case in cases if (number + 1) * rounds[case.name] // last > number * rounds[case.name] // last]
        first = number % len(workers)
        for case in due:
            for worker in workers[first:] + workers[:first]:
                worker.wake()
                seconds[worker.engine.name][case.name].append(turn(worker, case))
                worker.sleep()
        note(f"round {number + 1} of {last}: {', '.join(map(str, due))}")
    return seconds


def main():
    arguments = parse(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("peers: terminated"))  # so that no stopped worker stays behind
    by = next(engine for engine in arguments.all if engine.name == REFERENCE)
    every = texts.cases(FOLDER / by.model / "tokenizer.json", arguments.gpu)
    mixed = texts.describe_mixed(every[-1])
    cases = [case for case in every if re.search(arguments.cases, case.name)]
    if not cases:
        names = ", ".join(map(str, every))
        sys.exit(f"peers: --cases: expected a match in one of {names}; found none of `{arguments.cases}`")
    reference = reference_vectors(cases, by, arguments.threads)
    start = time.monotonic()
    result = {"about": machine.describe("benches/gpu/run" if arguments.gpu else "benches/peers/run"),
              "model": "mpnet" if arguments.gpu else arguments.model, "threads": arguments.threads,
              "cases": {case.name: case.tokens for case in cases}, "engines": {}, "left out": {}}
    with contextlib.ExitStack() as running:
        workers, costs = [], {case.name: 0 for case in cases}
        for engine in arguments.engines:
            with contextlib.ExitStack() as starting:
                try:
                    worker = starting.enter_context(Worker(engine, arguments.threads))
                    seconds, distance = warm_up(worker, cases, reference)
                    if arguments.gpu:  # the first requests were compiled for
                        seconds, distance = warm_up(worker, cases, reference)
                except WorkerError as error:
                    if not arguments.gpu:
                        raise
                    # A card, its driver or its torch may lack what one of them needs.
                    result["left out"][engine.name] = str(error)
                    note(error)
                    continue
                running.push(starting.pop_all())
            worker.sleep()
            workers.append(worker)
            costs = {name: costs[name] + seconds[name] for name in costs}
            result["engines"][engine.name] = {
                "class": engine.of_class, "about": worker.about, "worst distance": distance, "note": engine.note}
            note(f"{engine.name}: warm")
        rounds = plan(costs, arguments.minutes * 60 - (time.monotonic() - start))
        note(f"rounds: {rounds}, about {sum(rounds[name] * costs[name] for name in costs) / 60:.1f} minutes")

        began, busy, used = time.monotonic(), machine.busy_seconds(), sum(worker.cpu_seconds() for worker in workers)
        seconds = measure(workers, cases, rounds)
        elapsed = time.monotonic() - began
        others = machine.busy_seconds() - busy - (sum(worker.cpu_seconds() for worker in workers) - used)
        result["others' share of the processor"] = others / (elapsed * os.cpu_count())
        for worker in workers:
            name = worker.engine.name
            result["engines"][name] |= {"peak memory": worker.peak_memory(), "seconds": seconds[name]}
    if arguments.output:
        arguments.output.write_text(json.dumps(result, indent=1) + "\n")
    if arguments.chart:
        import chart  # a card's Python may lack what draws it

        chart.draw(result, arguments.chart)
    print(table.markdown(result, mixed))


if __name__ == "__main__":
    try:
        main()
    except WorkerError as error:
        sys.exit(f"peers: {error}")
