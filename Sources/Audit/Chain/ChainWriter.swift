internal import Glibc
internal import Primitives

/// Appends batches to one chain on disk, beside other processes that do the same.
struct ChainWriter: ~Copyable {
    private let folder: SegmentFolder
    private let headFile: HeadFile
    private let node: String
    private let segmentLimit: Int
    private let disk: Disk
    private let lock: FolderLock
    private var headDescriptor: Descriptor
    private var place: ChainPlace
    private var lines: [UInt8] = []

    /// Opens or begins the chain.
    init(folder path: String, headFile headPath: String, node: String, segmentLimit: Int, disk: Disk) throws(AuditError) {
        let folder = SegmentFolder(path: path)
        let headFile = HeadFile(path: headPath)
        try folder.create()
        let lock = try FolderLock(in: folder)
        try lock.acquire()
        defer { lock.release() }
        let headDescriptor = try headFile.open()
        let stored = try HeadFile.read(headDescriptor)
        let place = try ChainPlace.load(folder, trusted: stored, disk)
        if stored == nil { try HeadFile.write(place.head, to: headDescriptor, disk) }
        guard fsync(headDescriptor.number) == 0 else { throw AuditError(.cannotWrite, SystemFailure.text("fsync", headPath)) }
        self.folder = folder
        self.headFile = headFile
        self.node = node
        self.segmentLimit = segmentLimit
        self.disk = disk
        self.headDescriptor = headDescriptor
        self.place = place
        self.lock = lock
    }

    var head: ChainHead { place.head }

    /// Writes the records as one batch that is on disk when this returns. After an error nothing of it remains.
    /// - Parameter dropped: how many records were lost before these; not 0 makes a gap record.
    mutating func append(_ records: [AuditRecord], dropped: Int = 0) throws(AuditError) {
        try lock.acquire()
        defer { lock.release() }
        try catchUp()
        if place.size >= segmentLimit, place.size > 0 { try roll() }
        var renderer = RecordRenderer(after: place.head, node: node)
        lines.removeAll(keepingCapacity: lines.capacity < 4 << 20)
        for event in place.gaps { renderer.append(Self.record(of: event), to: &lines) }
        if dropped > 0 {
            renderer.append(Self.record(of: ChainPlace.gap("queue_full", ("dropped", .int(dropped)))), to: &lines)
        }
        for record in records { renderer.append(record, to: &lines) }
        try commit(renderer.head)
    }

    private mutating func commit(_ head: ChainHead) throws(AuditError) {
        do throws(AuditError) {
            try disk.writeAll(lines, at: place.size, to: place.file)
            try disk.synchronize(place.file)
            try HeadFile.write(head, to: headDescriptor, disk)
        } catch {
            // Should this fail as well, the file's length differs from what we know, and the next batch looks closely.
            _ = ftruncate(place.file.number, off_t(place.size))
            throw error
        }
        place.size += lines.count
        place.head = head
        place.gaps = []
    }

    private mutating func roll() throws(AuditError) {
        place = try place.next(in: folder)
    }

    /// Notices what others wrote or did since our last batch.
    private mutating func catchUp() throws(AuditError) {
        if try !headDescriptor.isLinked { headDescriptor = try headFile.open() }
        let stored = try HeadFile.read(headDescriptor)
        let size = try place.file.size
        let isLinked = try place.file.isLinked
        if stored == place.head, size == place.size, isLinked, !folder.exists(place.segment + 1) { return }
        try folder.create()
        // A head set back, or taken away, is no reason to forget what we know.
        let trusted = if let stored, stored.count > place.head.count { stored } else { place.head }
        let gaps = place.gaps
        place = try ChainPlace.load(folder, trusted: trusted, disk)
        place.gaps = gaps + place.gaps
    }

    private static func record(of event: Event) -> AuditRecord {
        AuditRecord(event, in: AuditContext(requestID: RequestID("system")))
    }
}
