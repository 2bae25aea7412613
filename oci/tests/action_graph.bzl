"""All actions that a target can make Bazel run, and questions about them."""

visibility("private")

ActionGraphInfo = provider(
    doc = "The actions of a target and of everything that it depends on.",
    fields = {"actions": "`depset` of `Action`."},
)

def _action_graph_aspect_impl(target, ctx):
    dependencies = []
    for name in dir(ctx.rule.attr):
        value = getattr(ctx.rule.attr, name)
        if type(value) == "Target":
            dependencies.append(value)
        elif type(value) == "list":
            dependencies += [element for element in value if type(element) == "Target"]
        elif type(value) == "dict":
            dependencies += [element for pair in value.items() for element in pair if type(element) == "Target"]
    return [ActionGraphInfo(actions = depset(
        target.actions,
        transitive = [
            dependency[ActionGraphInfo].actions
            for dependency in dependencies
            if ActionGraphInfo in dependency
        ],
    ))]

action_graph_aspect = aspect(
    implementation = _action_graph_aspect_impl,
    doc = "Collects actions along all attributes.",
    attr_aspects = ["*"],
)

def actions_behind(target, files):
    """Returns the actions that run when files are asked for and nothing is cached.

    Args:
      target: `Target` with `ActionGraphInfo`.
      files: list of `File`.

    Returns:
      list of `Action`.
    """
    makers = {
        output.path: action
        for action in target[ActionGraphInfo].actions.to_list()
        for output in action.outputs.to_list()
    }
    wanted = {file.path: None for file in files}
    found = {}

    # A step goes one action back; no chain of actions is longer than there are actions.
    for _ in range(len(makers)):
        actions = [makers[path] for path in wanted if path in makers]
        wanted = {}
        for action in actions:
            key = action.outputs.to_list()[0].path
            if key not in found:
                found[key] = action
                wanted |= {file.path: None for file in action.inputs.to_list()}
        if not wanted:
            break
    return found.values()

def actions_after(target, path):
    """Returns the actions that run again when a file has changed, and everything had been asked for.

    Args:
      target: `Target` with `ActionGraphInfo`.
      path: string; the file's `short_path`.

    Returns:
      list of `Action`.
    """
    actions = target[ActionGraphInfo].actions.to_list()
    changed = {path: None}
    found = {}
    for _ in range(len(actions)):
        before = len(found)
        for action in actions:
            outputs = action.outputs.to_list()
            key = outputs[0].path
            if key not in found and any([file.short_path in changed for file in action.inputs.to_list()]):
                found[key] = action
                changed |= {output.short_path: None for output in outputs}
        if len(found) == before:
            break
    return found.values()

def mnemonics(actions):
    """Counts actions by mnemonic.

    Args:
      actions: list of `Action`.

    Returns:
      dict of mnemonic to number.
    """
    counts = {}
    for action in actions:
        counts[action.mnemonic] = counts.get(action.mnemonic, 0) + 1
    return counts
