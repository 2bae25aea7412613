//! Arguments that there are several times, once for each image.

/// What every image's arguments begin with.
const IMAGE: &str = "--image=";

/// The arguments of each image.
pub(super) fn groups(arguments: &[String]) -> impl Iterator<Item = &[String]> {
    arguments.chunk_by(|_, next| !next.starts_with(IMAGE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_image_has_arguments_of_its_own() {
        let arguments = ["--image=a", "--tar=1", "--tar=2", "--image=b"].map(str::to_owned);
        let groups: Vec<_> = groups(&arguments).collect();
        assert_eq!(groups, [&arguments[..3], &arguments[3..]]);
    }
}
