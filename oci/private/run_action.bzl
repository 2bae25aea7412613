"""The action that runs commands in a container: the only place that does."""

load("//oci:providers.bzl", "StevedoreToolInfo")
load(":run_engine.bzl", "run_engine")
load(":run_spec.bzl", "run_inputs", "run_spec")

visibility(["//oci/..."])

def run_action(ctx, *, base, collect, flags, outputs, mnemonic):
    """Registers the action.

    Args:
      ctx: rule context with `RUN_ATTRS`.
      base: `OciImageInfo`; what the container is made of.
      collect: struct; see `run_spec`.
      flags: dict of the tool's flags to the `File` of `outputs` that each is for.
      outputs: list of `File`.
      mnemonic: string.
    """
    spec = run_spec(ctx, base = base, collect = collect)
    agent = ctx.attr._agent[StevedoreToolInfo].files_to_run.executable
    args = ctx.actions.args()
    args.add("run")
    args.add(spec, format = "--spec=%s")
    args.add(agent, format = "--agent=%s")

    # A path and not an input: what the tool must know of this machine (where the engine is, where credentials are) would
    # otherwise be in the action's key, and no two machines could share what comes out. The action runs unsandboxed, so the
    # file is there; a remote executor does without.
    args.add(ctx.file._surroundings.path, format = "--surroundings=%s")
    for flag, output in flags.items():
        args.add(output, format = flag + "=%s")
    ctx.actions.run(
        arguments = [args],
        env = {},
        executable = ctx.attr._deliver_tool[StevedoreToolInfo].files_to_run,
        execution_requirements = run_requirements(
            engine = run_engine(ctx),
            layers = base.layers,
            network = ctx.attr.network,
        ),
        inputs = depset([spec, agent], transitive = [
            run_inputs(base = base, engine = run_engine(ctx)),
        ] + [target[DefaultInfo].files for target in ctx.attr.inputs.values()]),
        mnemonic = mnemonic,
        outputs = outputs,
        progress_message = "Running the commands of %{label}",
        use_default_shell_env = False,
    )

def run_requirements(*, layers, engine, network):
    """Tells Bazel where and how the action can run.

    Args:
      layers: list of `OciLayerInfo`; the base's.
      engine: one of `RUN_ENGINES`.
      network: string; the attribute.

    Returns:
      dict of strings.
    """

    # Neither an engine's socket nor mounts can be had in Bazel's own sandbox. What came out may be in a remote cache.
    requirements = {"no-sandbox": "1"}
    needs_network = network != "none"
    if engine == "daemon":
        # The engine is one of this machine, and what it lacks of a registry's layers is fetched on the way.
        requirements["no-remote-exec"] = "1"
        needs_network = needs_network or bool([layer for layer in layers if layer.delivered == "registry"])
    if needs_network:
        requirements["requires-network"] = "1"
    return requirements
