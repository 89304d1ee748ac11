internal import CLinux
internal import Glibc
internal import Primitives

/// Appends batches to one chain on disk, beside other processes that do the same.
struct ChainWriter: ~Copyable {
    let folder: SegmentFolder
    private let headFile: HeadFile
    private let node: String
    private let limits: AuditLog.Limits
    private let disk: Disk
    private let lock: FolderLock
    private var headDescriptor: Descriptor
    private var place: ChainPlace
    /// The line that `headFile` holds when nobody else wrote it.
    private var headLine: [UInt8]
    /// Up to where blocks are set aside for the file: appending within them has less to bring to the disk. In bytes.
    private var reserved = 0
    private var lines = ByteWriter(capacity: 64 << 10)
    private var growth = HashBacklog()
    /// Beyond so many bytes the memory of a batch is given back.
    private static let keptMemory = 4 << 20

    /// Opens or begins the chain.
    init(folder path: String, headFile headPath: String, node: String, limits: AuditLog.Limits, disk: Disk) throws(AuditError) {
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
        self.limits = limits
        self.disk = disk
        self.headDescriptor = headDescriptor
        headLine = HeadFile.line(of: place.head)
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
        let day = limits.isDaily ? limits.clock().day : 0
        if isDue(at: day) { try roll() }
        if place.size == 0 { place.day = day }
        var renderer = RecordRenderer(after: place.head, node: node)
        if lines.capacity > Self.keptMemory { lines = ByteWriter(capacity: 64 << 10) } else { lines.removeAll() }
        for event in place.gaps { renderer.append(Self.record(of: event), to: &lines) }
        if dropped > 0 {
            renderer.append(Self.record(of: ChainPlace.gap("queue_full", ("dropped", .int(dropped)))), to: &lines)
        }
        for record in records { renderer.append(record, to: &lines) }
        if records.count >= Self.busyBatch { reserve() }
        let before = place.head.count
        try commit(renderer.head)
        growth.append(renderer.hashes, after: before)
    }

    /// What was written, here or by other processes, beyond a tree of so many leaves.
    mutating func takeGrowth(beyond size: Int) throws(AuditError) -> LogGrowth {
        try lock.acquire()
        defer { lock.release() }
        try catchUp()
        let (first, hashes) = growth.take(upTo: place.head.count)
        let isWhole = first <= size && first + hashes.count / 32 == place.head.count
        return LogGrowth(
            head: place.head, first: first, hashes: hashes, parts: isWhole ? nil : try LogPart.parts(of: folder))
    }

    /// A batch of so many records promises more.
    private static let busyBatch = 8
    private static let reservation = 4 << 20

    /// Sets blocks aside without making the file longer. Measured: a fifth less CPU for a sync. A disk too full for it says so
    /// when it cannot be written.
    private mutating func reserve() {
        guard place.size + lines.count > reserved else { return }
        reserved = place.size + lines.count + Self.reservation
        _ = gh_reserve(place.file.number, off_t(place.size), off_t(reserved - place.size))
    }

    /// Gives back what was set aside.
    private mutating func release() {
        if reserved > place.size { _ = ftruncate(place.file.number, off_t(place.size)) }
        reserved = 0
    }

    /// Ends the writing, for a process that stops.
    mutating func finish() {
        guard reserved > 0, (try? lock.acquire()) != nil else { return }
        defer { lock.release() }
        if (try? place.file.size) == place.size { release() }
    }

    private mutating func commit(_ head: ChainHead) throws(AuditError) {
        do throws(AuditError) {
            try disk.writeAll(lines.bytes, at: place.size, to: place.file)
            try disk.synchronize(place.file)
            headLine = HeadFile.line(of: head)
            try disk.writeAll(headLine, at: 0, to: headDescriptor)
        } catch {
            // Should this fail as well, the file's length differs from what we know, and the next batch looks closely.
            _ = ftruncate(place.file.number, off_t(place.size))
            throw error
        }
        place.size += lines.count
        place.head = head
        place.gaps = []
    }

    private func isDue(at day: Int) -> Bool {
        place.size > 0 && (place.size >= limits.segment || limits.isDaily && place.day.map { $0 != day } ?? false)
    }

    private mutating func roll() throws(AuditError) {
        release()
        place = try place.next(in: folder)
    }

    /// Notices what others wrote or did since our last batch.
    private mutating func catchUp() throws(AuditError) {
        if try !headDescriptor.isLinked { headDescriptor = try headFile.open() }
        let stored = try HeadFile.bytes(of: headDescriptor)
        let (size, isLinked) = try place.file.sizeAndLink
        if stored == headLine, size == place.size, isLinked, !folder.exists(place.segment + 1) { return }
        try catchUp(to: HeadFile.parse(stored))
    }

    private mutating func catchUp(to stored: ChainHead?) throws(AuditError) {
        try folder.create()
        // A head set back, or taken away, is no reason to forget what we know.
        let trusted = if let stored, stored.count > place.head.count { stored } else { place.head }
        let gaps = place.gaps
        place = try ChainPlace.load(folder, trusted: trusted, disk)
        place.gaps = gaps + place.gaps
        headLine = HeadFile.line(of: place.head)
        reserved = 0
    }

    static func record(of event: Event) -> AuditRecord {
        AuditRecord(event, in: AuditContext(requestID: RequestID("system")))
    }
}
