import Client
import Primitives
import Testing

@Suite struct AddressRulesTests {
    @Test(arguments: [
        "0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1", "127.255.255.255",
        "169.254.0.0", "169.254.169.254", "169.254.255.255", "172.16.0.0", "172.31.255.255", "192.0.0.0", "192.0.0.255",
        "192.0.2.0", "192.0.2.255", "192.88.99.0", "192.88.99.255", "192.168.0.0", "192.168.255.255", "198.18.0.0",
        "198.19.255.255", "198.51.100.0", "198.51.100.255", "203.0.113.0", "203.0.113.255", "224.0.0.0", "239.255.255.255",
        "240.0.0.0", "255.255.255.255",
    ])
    func `the first and last address of every forbidden IPv4 range is refused (SSRF-3)`(_ text: String) throws {
        #expect(AddressRules.isForbidden(try #require(IPAddress(text))))
    }

    @Test(arguments: [
        "1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255",
        "169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.1.255", "192.0.3.0",
        "192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.99.255",
        "198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255", "8.8.8.8",
    ])
    func `the neighbours of every forbidden IPv4 range pass`(_ text: String) throws {
        #expect(!AddressRules.isForbidden(try #require(IPAddress(text))))
    }

    @Test(arguments: [
        "::", "::1", "::2", "64:ff9b::808:808", "64:ff9b:1::1", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "100::", "100::ffff",
        "2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2002::",
        "2002:ffff::1", "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "5f00::", "5f00:ffff::1", "fc00::", "fd00::1",
        "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe80::1", "febf::1", "fec0::1", "feff::1", "ff00::", "ff02::1",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "4000::1", "1fff::1",
    ])
    func `every forbidden IPv6 range, and all beyond global unicast, is refused (SSRF-3)`(_ text: String) throws {
        #expect(AddressRules.isForbidden(try #require(IPAddress(text))))
    }

    @Test(arguments: [
        "2000::1", "2001:200::1", "2001:4860:4860::8888", "2001:db7::1", "2001:db9::1", "2003::1", "2606:4700::1111", "3ffe::1",
        "3fff:1000::1",
    ])
    func `public IPv6 addresses pass`(_ text: String) throws {
        #expect(!AddressRules.isForbidden(try #require(IPAddress(text))))
    }

    @Test(arguments: [
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",  // mapped
        "::127.0.0.1", "::10.0.0.1", "::8.8.8.8",  // compatible
        "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1",  // translated
        "2002:7f00:1::", "2002:a00:1::1",  // 6to4
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",  // Teredo
        "2600::5efe:127.0.0.1", "2600::200:5efe:10.0.0.1", "2600::100:5efe:192.168.0.1",  // ISATAP
    ])
    func `an IPv4 address inside an IPv6 one is judged (SSRF-3)`(_ text: String) throws {
        #expect(AddressRules.isForbidden(try #require(IPAddress(text))))
    }

    @Test(arguments: ["::ffff:8.8.8.8", "2600::5efe:8.8.8.8", "2600::200:5efe:1.1.1.1"])
    func `a public IPv4 address inside an IPv6 one passes where the form itself is public`(_ text: String) throws {
        #expect(!AddressRules.isForbidden(try #require(IPAddress(text))))
    }
}
