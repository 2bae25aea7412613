"""Splitting a text into words, as Bazel does it with the elements of `args`."""

visibility(["//oci/..."])

def shell_words(text):
    """Splits a text into words.

    As in a Bourne shell, quotes keep blanks together and a backslash takes the next character as it is; nothing is expanded. See
    https://bazel.build/reference/be/common-definitions#sh-tokenization.

    Args:
      text: string.

    Returns:
      struct of `words`, a list of strings, and `error`, `None` or what is wrong with the text.
    """
    words = []
    word = None  # None between words: a pair of quotes alone is a word.
    quote = None
    escaped = False
    for char in text.elems():
        if escaped:
            # Between double quotes a backslash escapes only these two.
            kept = "\\" if quote and char not in ("\\", "\"") else ""
            word = (word or "") + kept + char
            escaped = False
        elif char == "\\" and quote != "'":
            escaped = True
        elif char == quote:
            quote = None
        elif quote:
            word += char
        elif char in ("'", "\""):
            quote = char
            word = word or ""
        elif char not in (" ", "\t"):
            word = (word or "") + char
        elif word != None:
            words.append(word)
            word = None
    if word != None:
        words.append(word)
    return struct(
        error = "a quote is not closed" if quote else "a backslash is the last character" if escaped else None,
        words = words,
    )
