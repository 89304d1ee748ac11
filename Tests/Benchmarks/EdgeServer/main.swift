await EdgeServer.run()
