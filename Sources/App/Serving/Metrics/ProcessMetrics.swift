import Glibc
import Primitives

/// What the kernel says of this process, under the names every exporter uses.
enum ProcessMetrics {
    private static let startedAt = Timestamp.now()

    /// Called once at start: the time the metrics call the start.
    static func note() { _ = startedAt }

    static func write(into out: inout PrometheusText) {
        let seconds = Double(clock()) / 1_000_000  // CLOCKS_PER_SEC of POSIX
        out.family("process_cpu_seconds_total", .counter, "CPU time used, user and system.")
        out.sample("process_cpu_seconds_total", [], seconds)
        out.single("process_resident_memory_bytes", .gauge, "Memory held.", residentBytes)
        out.single("process_open_fds", .gauge, "Open descriptors.", openDescriptors)
        out.single("process_max_fds", .gauge, "Descriptors there may be.", maximumDescriptors)
        out.family("process_start_time_seconds", .gauge, "When the process began, in seconds since 1970.")
        out.sample("process_start_time_seconds", [], Double(startedAt.milliseconds) / 1000)
    }

    private static var residentBytes: Int {
        let fields = ((try? Files.readText("/proc/self/statm")) ?? "").split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(getpagesize()) : 0
    }

    private static var openDescriptors: Int {
        guard let folder = unsafe opendir("/proc/self/fd") else { return 0 }
        defer { unsafe closedir(folder) }
        var count = 0
        while unsafe readdir(folder) != nil { count += 1 }
        return max(0, count - 3)  // ".", ".." and the one reading
    }

    private static var maximumDescriptors: Int {
        var limit = rlimit()
        return unsafe getrlimit(__rlimit_resource_t(7), &limit) == 0 ? Int(clamping: limit.rlim_cur) : 0  // RLIMIT_NOFILE
    }
}
