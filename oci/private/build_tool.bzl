"""The only place that runs the build tool."""

visibility(["//oci/..."])

BUILD_TOOLCHAIN_TYPE = Label("//oci:build_toolchain_type")

def run_build_tool(ctx, *, arguments, inputs, outputs, mnemonic, progress_message):
    """Registers an action that runs `stevedore-build`.

    Args:
      ctx: rule or aspect context with `BUILD_TOOLCHAIN_TYPE` among its toolchains.
      arguments: list of `Args`; the first begins with the tool's verb.
      inputs: `depset` of `File`.
      outputs: list of `File`.
      mnemonic: string; the action's mnemonic.
      progress_message: string; may contain `%{label}`, `%{input}`, `%{output}`.
    """
    ctx.actions.run(
        arguments = arguments,
        # The tool reads nothing of the environment, so nothing of it is in the action's key.
        env = {},
        executable = ctx.toolchains[BUILD_TOOLCHAIN_TYPE].stevedore.files_to_run,
        inputs = inputs,
        mnemonic = mnemonic,
        outputs = outputs,
        progress_message = progress_message,
        toolchain = BUILD_TOOLCHAIN_TYPE,
        use_default_shell_env = False,
    )

def build_tool_args(ctx, verb):
    """Starts the arguments of one run of the build tool.

    Bazel puts them into a file if they are too many for a command line.

    Args:
      ctx: rule or aspect context.
      verb: string; the tool's verb, for example `config`.

    Returns:
      `Args` that begin with the verb.
    """
    args = ctx.actions.args()
    args.use_param_file("@%s")
    args.set_param_file_format("multiline")
    args.add(verb)
    return args
