"""A consortium's network of Fabric peers, orderers and chaincode servers on one machine.

network      up, status, upgrade and down, in the words of the other modules
layout       which processes there are, where their files lie and where they listen
nodes        the files of a peer or an orderer; channel: the first block
lifecycle    install, approve, commit; definition, package and admin serve it
doctor       why does nothing work?
"""
