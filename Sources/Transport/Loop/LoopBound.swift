/// Carries a value that belongs to one loop through code that must be `Sendable`.
///
/// Sendable: the value is only read after checking that this is the loop's thread, which the check proves by trapping.
package struct LoopBound<Value>: @unchecked Sendable {
    private let wrapped: Value
    private let loop: EventLoop

    /// Only on the loop.
    package init(_ value: Value, on loop: EventLoop) {
        loop.checkIsolated()
        wrapped = value
        self.loop = loop
    }

    /// Only on the loop.
    package var value: Value {
        loop.checkIsolated()
        return wrapped
    }
}
