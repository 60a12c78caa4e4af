"""Microseconds of bare jinja2 and of transformers for one template: {source, contexts} on standard input, JSON out."""
import json
import sys
import time

import jinja2
import jinja2.ext
from transformers.utils import chat_template_utils


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        return jinja2.nodes.Scope(parser.parse_statements(["name:endgeneration"], drop_needle=True)).set_lineno(line)


def refuse(message):
    raise jinja2.TemplateError(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


bare = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols], cache_size=0)
bare.filters["tojson"] = tojson
bare.globals["raise_exception"] = refuse
bare.globals["strftime_now"] = time.strftime


def timed(run):
    for _ in range(20):
        run()
    start = time.perf_counter()
    run()
    batch = max(1, int(0.002 / (time.perf_counter() - start)))
    best = float("inf")
    for _ in range(25):
        start = time.perf_counter()
        for _ in range(batch):
            run()
        best = min(best, (time.perf_counter() - start) * 1e6 / batch)
    return best


def transformers(source, context):
    given = dict(context)
    return chat_template_utils.render_jinja_template([given.pop("messages")], chat_template=source, **given)


def main():
    asked = json.load(sys.stdin)
    source, contexts = asked["source"], asked["contexts"]
    compiled = bare.from_string(source)
    salt = iter(range(10**9))

    def new():
        return source + "{# %d #}" % next(salt)

    warm = [
        {
            "jinja2": timed(lambda: compiled.render(**context)),
            "transformers": timed(lambda: transformers(source, context)),
        }
        for context in contexts
    ]
    cold = {
        "jinja2": timed(lambda: bare.from_string(new()).render(**contexts[0])),
        "transformers": timed(lambda: transformers(new(), contexts[0])),
    }
    json.dump({"warm": warm, "cold": cold}, sys.stdout)


main()
