"""The build setting that says what runs the commands of targets that do not say it themselves."""

load(":label_text.bzl", "label_text")

visibility(["//oci/..."])

RUN_ENGINES = ["daemon", "sandbox"]

_RunEngineInfo = provider(
    doc = "What runs commands.",
    fields = {"engine": "string; one of `RUN_ENGINES`."},
)

def _run_engine_setting_impl(ctx):
    engine = ctx.build_setting_value
    if engine not in RUN_ENGINES:
        fail("{}: got `{}`, expected one of {}".format(
            label_text(ctx.label),
            engine,
            ", ".join(["`{}`".format(name) for name in RUN_ENGINES]),
        ))
    return [_RunEngineInfo(engine = engine)]

run_engine_setting = rule(
    implementation = _run_engine_setting_impl,
    doc = "What runs the commands of targets that do not say it themselves.",
    build_setting = config.string(flag = True),
)

RUN_ENGINE_ATTRS = {
    "_run_engine": attr.label(
        default = "//oci:run_engine",
        providers = [_RunEngineInfo],
    ),
}

def run_engine(ctx):
    """Returns what runs a target's commands.

    Args:
      ctx: rule context with `RUN_ENGINE_ATTRS` and the attribute `engine`.

    Returns:
      One of `RUN_ENGINES`.
    """
    return ctx.attr.engine or ctx.attr._run_engine[_RunEngineInfo].engine
