internal import Glibc

/// The folder of one chain: `audit-00000001.jsonl` and on, `.lock`, and what crashes left behind as `*.torn`.
struct SegmentFolder: Sendable {
    let path: String

    func path(of segment: Int) -> String { path + "/" + Self.name(of: segment) }

    static func name(of segment: Int) -> String {
        let digits = String(segment)
        return "audit-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits + ".jsonl"
    }

    /// Makes the folder, for its owner alone. An existing one keeps its mode.
    func create() throws(AuditError) {
        guard unsafe mkdir(path, 0o700) != 0, errno != EEXIST else { return }
        throw AuditError(.cannotWrite, SystemFailure.text("creating", path))
    }

    /// The numbers of the segments present, ascending; empty when there is no such folder.
    func segments() throws(AuditError) -> [Int] {
        guard let directory = unsafe opendir(path) else {
            if errno == ENOENT { return [] }
            throw AuditError(.cannotRead, SystemFailure.text("reading", path))
        }
        defer { unsafe closedir(directory) }
        var numbers: [Int] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
                unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if let number = Self.number(of: name) { numbers.append(number) }
        }
        return numbers.sorted()
    }

    private static func number(of name: String) -> Int? {
        guard name.hasPrefix("audit-"), name.hasSuffix(".jsonl"), let number = Int(name.dropFirst(6).dropLast(6)), number > 0,
            name == Self.name(of: number)
        else { return nil }
        return number
    }

    func exists(_ segment: Int) -> Bool { unsafe access(path(of: segment), F_OK) == 0 }

    /// Brings names created or removed to the disk.
    func synchronize() throws(AuditError) {
        let folder = try Descriptor(opening: path, O_RDONLY | O_DIRECTORY)
        guard fsync(folder.number) == 0 else { throw AuditError(.cannotWrite, SystemFailure.text("fsync", path)) }
    }
}

/// Serializes the writers of one chain over processes, with flock(2) on `.lock`. A process that dies lets go of it.
final class FolderLock: Sendable {
    private let file: Descriptor
    /// Waiting stops here: another process hangs on its disk.
    private static let patience = 5000

    init(in folder: SegmentFolder, creating: Bool = true) throws(AuditError) {
        file = try Descriptor(opening: folder.path + "/.lock", creating ? O_RDWR | O_CREAT : O_RDONLY)
    }

    /// - Parameter isShared: readers exclude writers, not each other.
    func acquire(shared isShared: Bool = false) throws(AuditError) {
        let operation = (isShared ? LOCK_SH : LOCK_EX) | LOCK_NB
        var waited = 0  // in microseconds
        while flock(file.number, operation) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR, waited < Self.patience * 1000 else {
                throw AuditError(.cannotWrite, SystemFailure.text("locking the audit folder"))
            }
            let pause = waited < 20_000 ? 100 : 1000
            usleep(UInt32(pause))
            waited += pause
        }
    }

    func release() { _ = flock(file.number, LOCK_UN) }
}
