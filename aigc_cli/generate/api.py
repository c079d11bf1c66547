"""Generation as a stage: model and prompts in, texts out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aigc_cli.core import console
from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.lineage import newest
from aigc_cli.core.options import Common
from aigc_cli.generate.beam import beam_search
from aigc_cli.generate.engine import Engine, framed, open_engine
from aigc_cli.generate.options import DrawOptions, GenerateOptions
from aigc_cli.generate.output import LineSink, TextSink
from aigc_cli.generate.prompts import Prompt, read_prompts
from aigc_cli.generate.sample import Continuation, Plan, sample
from aigc_cli.generate.strategies import active
from aigc_cli.generate.tally import Tally
from aigc_cli.generate.uniform import sequence_number
from aigc_cli.models.bundle import Bundle
from aigc_cli.models.tokenizer import Tokenizer

STAGES = ("train", "distill", "quantize", "export")  # what makes models
Show = Callable[[str], None]


def generate(
    model: str | Path | None = None,
    options: GenerateOptions | None = None,
    common: Common | None = None,
    drawing: DrawOptions | None = None,
) -> console.Result:
    """Continues prompts with a model and writes the texts; a model of pictures draws (generate/pictures/api.py).

    model None: the newest run that holds one. Text goes to stdout; with common.json or common.output, JSON lines
    of prompt, text, seed, log-probability, tokens and how each text ended. A prompt that cannot be used becomes a
    record with `error`; ConfigError when it was the only one, DataError when none could be used.
    """
    options, common = options or GenerateOptions(), common or Common()
    output = None if common.output is None or str(common.output) == "-" else common.output
    if output is not None and options.prompts is not None and output.absolute() == options.prompts.absolute():
        raise ConfigError(f"{output} is the file of prompts", "give -o another name")
    bundle = open_model(model)
    if "draw" in bundle.family.tasks:
        from aigc_cli.generate.pictures.api import draw

        return draw(bundle, options, drawing or DrawOptions(), common)
    idle = [name for name, value in vars(drawing or DrawOptions()).items() if value != getattr(DrawOptions(), name)]
    if idle:
        raise ConfigError(f"{bundle.path} writes text: --{idle[0]} says nothing there", "leave it out")
    if common.dry_run:
        return console.Result("generate", None, {}, [f"would generate with {bundle.describe()}"])
    prompts = read_prompts(options.prompt, options.prompts)
    if output is not None and not output.suffix:
        from aigc_cli.generate.publish import generate_run

        return generate_run(bundle, list(prompts), options, common)
    sink: LineSink | TextSink = LineSink(output) if common.json or common.output is not None else TextSink()
    head = list(itertools.islice(prompts, 2))
    single = len(head) == 1
    stream = options.stream and single and options.n == 1 and options.beams == 1
    show = sink.show if stream and isinstance(sink, TextSink) else None
    tally = Tally(single)
    with sink, console.progress("generate", unit="texts") as bar:
        for record in texts(bundle, itertools.chain(head, prompts), options, seed=common.seed, show=show):
            tally.add(record)
            sink.write(record)
            if show is None and output is not None:
                bar.advance(1, tokens=tally.tokens)
        tally.check()
    console.say(tally.summary())
    if output is None:
        return console.Result("generate", None, tally.facts())
    lines = [f"{output}: {tally.texts} texts"]
    return console.Result("generate", output, tally.facts(), lines, f"aigc postprocess filter {output} -o kept")


def texts(
    model: str | Path | Bundle,
    prompts: Iterable[str | Prompt],
    options: GenerateOptions | None = None,
    *,
    seed: int = 0,
    show: Show | None = None,
) -> Iterator[dict[str, Any]]:
    """A record for every continuation, in the order of the prompts.

    {"prompt", "text", "index", "copy", "seed", "tokens", "logprob" (nats, summed, under the model itself),
    "logprob_per_token", "finish": "eos", "stop" or "length"}, beams also "score"; {"prompt", "index", "error"}
    where a prompt cannot be used. show: called with the first text in pieces while it is written.
    """
    for batch in batches(model, prompts, options, seed=seed, show=show):
        yield from batch


def batches(
    model: str | Path | Bundle,
    prompts: Iterable[str | Prompt],
    options: GenerateOptions | None = None,
    *,
    seed: int = 0,
    show: Show | None = None,
    skip: int = 0,
) -> Iterator[list[dict[str, Any]]]:
    """The records of `texts` batch by batch, without the first `skip` batches."""
    options = options or GenerateOptions()
    bundle = model if isinstance(model, Bundle) else Bundle.open(model)
    tokenizer = tokenizer_of(bundle)
    engine = open_engine(bundle, options.device, options.dtype)
    plan = Plan(
        tokenizer.decode_bytes, tokenizer.eos, options.max_new_tokens, options.greedy, active(options), options.stop,
        seed, options.beams, options.length_penalty,
    )  # fmt: skip
    size = 1 if options.beams > 1 else options.batch_size
    jobs = _jobs(prompts, tokenizer, engine, 1 if options.beams > 1 else options.n)
    jobs = itertools.islice(jobs, skip * size, None)
    while batch := list(itertools.islice(jobs, size)):
        yield list(_run(engine, batch, plan, options.n, show))
        show = None


def open_model(model: str | Path | None) -> Bundle:
    """The model at a path, or the newest one around, named on stderr. ConfigError when it does not generate."""
    bundle = Bundle.open(newest(STAGES, suits=_generates) if model is None else model)
    (console.say if model is None else console.detail)(f"model: {bundle.describe()}")
    return bundle if "draw" in bundle.family.tasks else bundle.require("generate", "writing text")


def _generates(place: Path) -> bool:
    return bool({"generate", "draw"} & set(Bundle.open(place).family.tasks))


def tokenizer_of(bundle: Bundle) -> Tokenizer:
    """The model's tokenizer; DataError when it has none or a larger vocabulary than the model."""
    tokenizer = bundle.tokenizer
    if tokenizer is None:
        raise DataError(f"{bundle.path} holds no tokenizer", "put its tokenizer.model into the directory")
    if tokenizer.vocab_size > bundle.config.vocab_size:
        fact = f"{bundle.path}: the tokenizer has {tokenizer.vocab_size} pieces, the model {bundle.config.vocab_size}"
        raise DataError(fact, "use the tokenizer that the model was trained with")
    return tokenizer


@dataclass
class _Job:
    prompt: Prompt
    index: int
    copy: int
    ids: list[int]


def _jobs(prompts: Iterable[str | Prompt], tokenizer: Tokenizer, engine: Engine, n: int) -> Iterator[_Job]:
    """n jobs per prompt that share its ids; one, with the error set, for a prompt that cannot be used."""
    for index, prompt in enumerate(prompts):
        prompt = Prompt(prompt) if isinstance(prompt, str) else prompt
        ids: list[int] = []
        if not prompt.error:
            try:
                ids = framed(engine, tokenizer.encode(prompt.text), tokenizer.bos, tokenizer.eos)
            except DataError as error:
                prompt.error = error.message
        if len(ids) >= engine.context + (engine.start is not None):
            space = ", with room for an answer" if engine.start is None else ""
            prompt.error = f"the prompt has {len(ids)} tokens, the model's context {engine.context}{space}"
        yield from (_Job(prompt, index, copy, ids) for copy in range(1 if prompt.error else n))


def _run(engine: Engine, batch: Sequence[_Job], plan: Plan, n: int, show: Show | None) -> Iterator[dict[str, Any]]:
    good = [job for job in batch if not job.prompt.error]
    results: list[list[Continuation]] = []
    if plan.beams > 1:
        results = [beam_search(engine, job.ids, plan, n) for job in good]
    elif good:
        numbers = [sequence_number(job.index, job.copy) for job in good]
        results = [[one] for one in sample(engine, [job.ids for job in good], numbers, plan, show)]
    finished = iter(results)
    for job in batch:
        shared = {**job.prompt.extra, "prompt": job.prompt.text, "index": job.index}
        if job.prompt.error:
            yield {**shared, "error": job.prompt.error}
            continue
        for copy, one in enumerate(next(finished), start=job.copy):
            yield {**shared, **_record(one, copy, plan)}


def _record(one: Continuation, copy: int, plan: Plan) -> dict[str, Any]:
    count = len(one.tokens)
    record = {
        "text": one.text, "copy": copy, "seed": plan.seed, "tokens": count, "logprob": round(one.logprob, 6),
        "logprob_per_token": round(one.logprob / count, 6) if count else 0.0, "finish": one.finish,
    }  # fmt: skip
    return record if one.score is None else {**record, "score": round(one.score, 6)}
