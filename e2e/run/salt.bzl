"""A text that changes the keys of all runs, so that the tests can run the same commands again, elsewhere."""

visibility("private")

def _salt_impl(ctx):
    output = ctx.actions.declare_file(ctx.label.name + ".txt")
    ctx.actions.write(content = ctx.build_setting_value, output = output)
    return [DefaultInfo(files = depset([output]))]

salt = rule(
    implementation = _salt_impl,
    doc = "A file with the setting's value.",
    build_setting = config.string(flag = True),
)
