internal import Glibc

/// A file elsewhere: another disk, a share with retention.
enum WitnessFile {
    /// Appends a line and brings it to the disk. False when either fails.
    static func append(_ line: String, to path: String) -> Bool {
        guard let file = try? Descriptor(opening: path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW) else { return false }
        let bytes = Array((line + "\n").utf8)
        return unsafe Glibc.write(file.number, bytes, bytes.count) == bytes.count && fdatasync(file.number) == 0
    }
}
