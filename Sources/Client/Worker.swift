internal import CCurl
internal import Primitives

/// The thread's own world: the multi handle and the transfers in it.
@safe final class Worker {
    private let inbox: Inbox
    private let settings: HTTPClient.Settings
    private let multi: UnsafeMutableRawPointer
    private var active: [UInt64: Transfer] = [:]
    private var waiting: [Order] = []

    /// curl_global_init must run once, before anything else of libcurl.
    private static let isReady: Bool = curl_global_init(CLong(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    init(inbox: Inbox, settings: HTTPClient.Settings) {
        self.inbox = inbox
        self.settings = settings
        precondition(Self.isReady, "libcurl cannot start")
        guard let multi = unsafe curl_multi_init() else { preconditionFailure("no memory for a libcurl handle") }
        unsafe self.multi = multi
        _ = unsafe gh_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, CLong(settings.maximumInFlight))
        unsafe inbox.install(Bell(multi))
    }

    deinit { unsafe curl_multi_cleanup(multi) }

    /// Returns once the client has stopped.
    func run() {
        while true {
            let delivery = inbox.take()
            if delivery.isStopped { return end(delivery.orders) }
            waiting.append(contentsOf: delivery.orders)
            for id in delivery.cancelled { cancel(id) }
            begin()
            var running: CInt = 0
            _ = unsafe curl_multi_perform(multi, &running)
            collect()
            expire()
            begin()
            _ = unsafe curl_multi_poll(multi, nil, 0, waiting.isEmpty ? 1000 : 50, nil)
        }
    }

    private func begin() {
        while active.count < settings.maximumInFlight, !waiting.isEmpty {
            let order = waiting.removeFirst()
            guard let transfer = Transfer(order, settings) else {
                finish(order, .failure(ClientError(.invalidRequest, detail: "libcurl refused the request")))
                continue
            }
            guard unsafe curl_multi_add_handle(multi, transfer.easy) == CURLM_OK else {
                finish(order, .failure(ClientError(.transport, detail: "libcurl refused the transfer")))
                continue
            }
            active[order.id] = transfer
        }
    }

    /// Takes every transfer that has ended.
    private func collect() {
        var left: CInt = 0
        while let message = unsafe curl_multi_info_read(multi, &left) {
            guard unsafe message.pointee.msg == CURLMSG_DONE, let easy = unsafe message.pointee.easy_handle else { continue }
            let code = unsafe message.pointee.data.result
            guard let transfer = active.values.first(where: { unsafe $0.easy == easy }) else { continue }
            end(transfer, transfer.result(code))
        }
    }

    private func cancel(_ id: UInt64) {
        if let transfer = active[id] {
            end(transfer, .failure(ClientError(.cancelled, mayHaveBeenSent: transfer.wasSent)))
        } else if let place = waiting.firstIndex(where: { $0.id == id }) {
            finish(waiting.remove(at: place), .failure(ClientError(.cancelled)))
        }
    }

    /// Fails what waited for its turn until its time was over.
    private func expire() {
        guard !waiting.isEmpty else { return }
        let now = MonotonicTime.now()
        let late = waiting.filter { $0.deadline <= now }
        waiting.removeAll { $0.deadline <= now }
        for order in late { finish(order, .failure(ClientError(.timeout, detail: "no turn in time"))) }
    }

    private func end(_ transfer: Transfer, _ result: Result<OutboundResponse, ClientError>) {
        _ = unsafe curl_multi_remove_handle(multi, transfer.easy)
        active[transfer.order.id] = nil
        transfer.close()
        finish(transfer.order, result)
    }

    private func finish(_ order: Order, _ result: Result<OutboundResponse, ClientError>) {
        inbox.finished(order.id)
        order.finish(result)
    }

    private func end(_ orders: [Order]) {
        inbox.install(nil)
        let stopped = ClientError(.busy, detail: "the client has stopped")
        for transfer in Array(active.values) {
            end(transfer, .failure(ClientError(.busy, mayHaveBeenSent: transfer.wasSent, detail: stopped.detail)))
        }
        for order in waiting + orders { finish(order, .failure(stopped)) }
        waiting = []
    }
}
