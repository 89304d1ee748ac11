internal import HTTP
internal import Primitives
internal import Synchronization
package import Transport

/// The pools of one upstream, one a loop.
package final class UpstreamClient: Sendable {
    package let origin: UpstreamOrigin
    private let resolver: any HostResolver
    private let group: EventLoopGroup
    private let patience: UpstreamPatience
    private let pools = Mutex<[LoopBound<UpstreamPool>?]>([])

    package init(
        _ origin: UpstreamOrigin, resolver: any HostResolver, group: EventLoopGroup, patience: UpstreamPatience = UpstreamPatience()
    ) {
        self.patience = patience
        self.origin = origin
        self.resolver = resolver
        self.group = group
        pools.withLock { $0 = Array(repeating: nil, count: group.loops.count) }
    }

    /// The pool of the loop whose thread this is. Only on a loop of the group.
    package var pool: UpstreamPool {
        let loop = group.current
        loop.checkIsolated()
        if let bound = pools.withLock({ $0[loop.index] }) { return bound.value }
        let bound = LoopBound(UpstreamPool(origin, resolver: resolver, patience: patience, on: loop), on: loop)
        pools.withLock { $0[loop.index] = bound }
        return bound.value
    }
}
