"""`aigc train`: one subcommand per model family."""

from __future__ import annotations

from typing import Annotated

import typer

from aigc_cli.core.command import Command, new_app, options
from aigc_cli.core.options import Common
from aigc_cli.models.bert.config import Shape as BertShape
from aigc_cli.models.gpt.config import Shape
from aigc_cli.models.seq2seq.config import Shape as Seq2seqShape
from aigc_cli.models.unet.config import Shape as UNetShape
from aigc_cli.models.vae.config import Shape as VaeShape
from aigc_cli.models.xlnet.config import Shape as XlnetShape
from aigc_cli.train.options import TrainOptions
from aigc_cli.train.tasks.options import BertRules, DiffusionRules, Seq2seqRules, VaeRules, XlnetRules
from aigc_cli.train.words.options import GloveOptions, Word2VecOptions

app = new_app()


@app.callback()
def train() -> None:
    """Train a model. Each family is a command of its own: aigc train gpt --help."""


@app.command("gpt", cls=Command)
@options
def gpt(
    shards: Annotated[
        list[str], typer.Option(help="Token shards, document shards or raw files.", rich_help_panel="Data")
    ],
    shape: Shape,
    training: TrainOptions,
    common: Common,
) -> None:
    """Train a GPT: a decoder-only Transformer that transformers opens as Qwen3ForCausalLM.

    \b
    Examples:
      aigc train gpt --shards shards/
      aigc train gpt --shards tokens/ --depth 6 --minutes 10 -o runs/large
      aigc train gpt --shards shards/ -o teacher.pt
    """
    from aigc_cli.core import console
    from aigc_cli.train.api import train as run

    console.finish(run("gpt", shards, shape, training, common), json=common.json)


@app.command("seq2seq", cls=Command)
@options
def seq2seq(
    shards: Annotated[
        list[str],
        typer.Option(
            help="span: token shards, document shards, raw files; pairs: JSONL, CSV, TSV, or shards with two columns.",
            rich_help_panel="Data",
        ),
    ],
    rules: Seq2seqRules,
    shape: Seq2seqShape,
    training: TrainOptions,
    common: Common,
) -> None:
    """Train an encoder-decoder: a Transformer that transformers opens as T5ForConditionalGeneration.

    \b
    Examples:
      aigc train seq2seq --shards shards/
      aigc train seq2seq --shards pairs.jsonl --task pairs --init-from runs/seq2seq -o runs/rewrite
      aigc train seq2seq --shards pairs.tsv --task pairs --source-field wrong --target-field right
    """
    from aigc_cli.core import console
    from aigc_cli.train.api import train as run

    console.finish(run("seq2seq", shards, shape, training, common, rules), json=common.json)


@app.command("bert", cls=Command)
@options
def bert(
    shards: Annotated[
        list[str],
        typer.Option(
            help="mlm: token or document shards, raw files; classify: JSONL, CSV, TSV, or shards with two columns.",
            rich_help_panel="Data",
        ),
    ],
    rules: BertRules,
    shape: BertShape,
    training: TrainOptions,
    common: Common,
) -> None:
    """Train a BERT: an encoder that transformers opens as BertForPreTraining, or a text classifier made from it.

    \b
    Examples:
      aigc train bert --shards shards/ -o runs/bert
      aigc train bert --shards reviews.csv --task classify --init-from runs/bert -o runs/judge
      aigc train bert --shards shards/ --whole-words --next-sentence
    """
    from aigc_cli.core import console
    from aigc_cli.train.api import train as run

    console.finish(run("bert", shards, shape, training, common, rules), json=common.json)


@app.command("xlnet", cls=Command)
@options
def xlnet(
    shards: Annotated[
        list[str], typer.Option(help="Token shards, document shards or raw files.", rich_help_panel="Data")
    ],
    rules: XlnetRules,
    shape: XlnetShape,
    training: TrainOptions,
    common: Common,
) -> None:
    """Train an XLNet: it predicts tokens in any order; transformers opens it as XLNetLMHeadModel.

    \b
    Examples:
      aigc train xlnet --shards shards/
      aigc train xlnet --shards tokens/ --depth 6 --minutes 10 -o runs/xlnet
    """
    from aigc_cli.core import console
    from aigc_cli.train.api import train as run

    console.finish(run("xlnet", shards, shape, training, common, rules), json=common.json)


DOCUMENTS = "Document shards or raw files."


@app.command("diffusion", cls=Command)
@options
def diffusion(
    shards: Annotated[
        list[str], typer.Option(help="Picture records, picture shards, or pictures.", rich_help_panel="Data")
    ],
    rules: DiffusionRules,
    shape: UNetShape,
    training: TrainOptions,
    common: Common,
) -> None:
    """Train a diffusion model: it learns to draw pictures out of noise.

    \b
    Examples:
      aigc train diffusion --shards pictures/ --size 32 --minutes 4
      aigc train diffusion --shards records/ --path cosine --prediction epsilon -o runs/ddpm
    """
    from aigc_cli.core import console
    from aigc_cli.train.api import train as run

    console.finish(run("diffusion", shards, shape, training, common, rules), json=common.json)


@app.command("vae", cls=Command)
@options
def vae(
    shards: Annotated[
        list[str], typer.Option(help="Picture records, picture shards, or pictures.", rich_help_panel="Data")
    ],
    rules: VaeRules,
    shape: VaeShape,
    training: TrainOptions,
    common: Common,
) -> None:
    """Train a VAE: it learns to say a picture in a few numbers, and to draw pictures from such numbers.

    \b
    Examples:
      aigc train vae --shards pictures/ --size 28 --minutes 2
      aigc train vae --shards pictures/ --size 64 --beta 4 -o runs/simple
    """
    from aigc_cli.core import console
    from aigc_cli.train.api import train as run

    console.finish(run("vae", shards, shape, training, common, rules), json=common.json)


@app.command("word2vec", cls=Command)
@options
def word2vec(
    shards: Annotated[list[str], typer.Option(help=DOCUMENTS, rich_help_panel="Data")],
    training: Word2VecOptions,
    common: Common,
) -> None:
    """Train Word2Vec: vectors of words, learned by predicting a word from its neighbours; gensim opens them.

    \b
    Examples:
      aigc train word2vec --shards shards/
      aigc train word2vec --shards corpus.txt --algorithm cbow --dim 300 --threads 2 -o runs/vectors
    """
    from aigc_cli.core import console
    from aigc_cli.train.words.api import train_words

    console.finish(train_words("word2vec", shards, training, common), json=common.json)


@app.command("glove", cls=Command)
@options
def glove(
    shards: Annotated[list[str], typer.Option(help=DOCUMENTS, rich_help_panel="Data")],
    training: GloveOptions,
    common: Common,
) -> None:
    """Train GloVe: vectors of words, fitted to the counts of their neighbours; gensim opens them.

    \b
    Examples:
      aigc train glove --shards shards/
      aigc train glove --shards corpus.txt --dim 300 --window 15 --memory 4096 -o runs/vectors
    """
    from aigc_cli.core import console
    from aigc_cli.train.words.api import train_words

    console.finish(train_words("glove", shards, training, common), json=common.json)
