internal import COpenSSL
internal import Glibc

/// OpenSSL's view of a socket: reads and writes go straight to the kernel and note what EAGAIN said (R4).
enum SocketBIO {
    static func makeMethod() -> OpaquePointer? {
        guard let method = unsafe BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "gatehouse socket") else {
            return nil
        }
        unsafe BIO_meth_set_read(method, read)
        unsafe BIO_meth_set_write(method, write)
        unsafe BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
        return unsafe method
    }

    private static let read: @convention(c) (OpaquePointer?, UnsafeMutablePointer<CChar>?, CInt) -> CInt = { bio, out, length in
        guard let data = unsafe BIO_get_data(bio) else { return -1 }
        unsafe gh_bio_clear_retry_flags(bio)
        let count = unsafe data.assumingMemoryBound(to: SocketState.self).receive(into: out, Int(length))
        if count == SocketState.wouldBlock {
            unsafe gh_bio_set_retry_read(bio)
            return -1
        }
        return CInt(count)
    }

    private static let write: @convention(c) (OpaquePointer?, UnsafePointer<CChar>?, CInt) -> CInt = { bio, bytes, length in
        guard let data = unsafe BIO_get_data(bio) else { return -1 }
        unsafe gh_bio_clear_retry_flags(bio)
        let count = unsafe data.assumingMemoryBound(to: SocketState.self).transmit(bytes, Int(length))
        if count == SocketState.wouldBlock {
            unsafe gh_bio_set_retry_write(bio)
            return -1
        }
        return CInt(count)
    }
}
