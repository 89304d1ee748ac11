import CLinux
import Glibc

/// How many processors this process may use: its affinity mask, which containers and `taskset` narrow.
enum Processors {
    static var count: Int {
        var mask = [UInt](repeating: 0, count: 128)
        let written = unsafe gh_processor_mask(&mask, mask.count * MemoryLayout<UInt>.size)
        guard written > 0 else { return max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
        return max(1, mask.reduce(0) { $0 + $1.nonzeroBitCount })
    }
}
