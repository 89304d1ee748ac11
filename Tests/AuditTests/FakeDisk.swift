import Foundation
import Primitives
import Synchronization

@testable import Audit

/// A disk that can be full, hang, or stop in the middle of a write.
final class FakeDisk: Sendable {
    enum Mood: Sendable {
        case fine, full, syncFails
        /// Takes this many bytes of a write, then is full.
        case fills(after: Int)
    }

    let mood = Mutex(Mood.fine)
    private let arrivals = Mutex(0)
    private let syncs = Mutex(0)
    /// Syncs wait while this is closed.
    let gate = Monitor(true)

    /// Syncs begun, hanging or not.
    var arrivalCount: Int { arrivals.withLock { $0 } }
    var syncCount: Int { syncs.withLock { $0 } }

    func set(_ mood: Mood) { self.mood.withLock { $0 = mood } }
    func hang() { gate.update(wakeAll: true) { $0 = false } }
    func resume() { gate.update(wakeAll: true) { $0 = true } }

    var disk: Disk {
        let system = Disk.system
        return Disk(
            write: { descriptor, bytes, from, offset in
                switch self.mood.withLock({ $0 }) {
                case .full: return -Int(ENOSPC)
                case .fills(let count):
                    guard from < count else { return -Int(ENOSPC) }
                    return system.write(descriptor, Array(bytes.prefix(count)), from, offset)
                default: return system.write(descriptor, bytes, from, offset)
                }
            },
            sync: { descriptor in
                self.arrivals.withLock { $0 += 1 }
                self.gate.wait { $0 ? () : nil }
                self.syncs.withLock { $0 += 1 }
                if case .syncFails = self.mood.withLock({ $0 }) { return EIO }
                return system.sync(descriptor)
            })
    }
}
