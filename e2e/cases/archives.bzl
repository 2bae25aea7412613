"""Archives of images that others have written, in a folder that the tests name."""

visibility("private")

# The variable with the folder's path. Without it there are no archives, and whoever asks for one is told which is missing.
_FOLDER = "STEVEDORE_TEST_ARCHIVES"

def _image_archives_impl(ctx):
    folder = ctx.getenv(_FOLDER)

    # Not watched: it goes away after the tests.
    for file in ctx.path(folder).readdir(watch = "no") if folder else []:
        ctx.symlink(file, file.basename)
    ctx.file("BUILD.bazel", 'exports_files(glob(["*.tar"], allow_empty = True))\n', executable = False)

image_archives = repository_rule(
    doc = "The archives in the folder that the environment variable `{}` names, as source files.".format(_FOLDER),
    implementation = _image_archives_impl,
)
