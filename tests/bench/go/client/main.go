// The Go gateway client as a load: so many transactions of register_slot, so many of them in flight.
//
// It prints one JSON object: {"seconds", "latencies_s": […], "failed": {text: count}}.
package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"sync"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-gateway/pkg/hash"
	"github.com/hyperledger/fabric-gateway/pkg/identity"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

const transactionTimeout = 2 * time.Minute

type load struct {
	peer, tlsRoot, certificate, key, mspID string
	channel, chaincode, prefix             string
	inFlight, transactions                 int
}

type result struct {
	Seconds   float64        `json:"seconds"`
	Latencies []float64      `json:"latencies_s"`
	Failed    map[string]int `json:"failed"`
}

func main() {
	var wanted load
	flag.StringVar(&wanted.peer, "peer", "", "host:port of the gateway peer")
	flag.StringVar(&wanted.tlsRoot, "tls-root", "", "file of its TLS root")
	flag.StringVar(&wanted.certificate, "certificate", "", "file of the client's certificate")
	flag.StringVar(&wanted.key, "key", "", "file of the client's key, PKCS #8")
	flag.StringVar(&wanted.mspID, "msp", "", "the client's MSP id")
	flag.StringVar(&wanted.channel, "channel", "wuxin", "")
	flag.StringVar(&wanted.chaincode, "chaincode", "facts", "")
	flag.StringVar(&wanted.prefix, "prefix", "", "what the slots' ids begin with")
	flag.IntVar(&wanted.inFlight, "in-flight", 1, "")
	flag.IntVar(&wanted.transactions, "transactions", 100, "")
	flag.Parse()
	done, err := run(wanted)
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(done); err != nil {
		log.Fatal(err)
	}
}

func run(wanted load) (result, error) {
	connection, err := dial(wanted)
	if err != nil {
		return result{}, err
	}
	defer connection.Close()
	gateway, err := connect(wanted, connection)
	if err != nil {
		return result{}, err
	}
	defer gateway.Close()
	contract := gateway.GetNetwork(wanted.channel).GetContract(wanted.chaincode)
	return drive(wanted, contract), nil
}

func dial(wanted load) (*grpc.ClientConn, error) {
	raw, err := os.ReadFile(wanted.tlsRoot)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(raw) {
		return nil, fmt.Errorf("%s holds no certificate", wanted.tlsRoot)
	}
	return grpc.NewClient(wanted.peer, grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(roots, "")))
}

func connect(wanted load, connection *grpc.ClientConn) (*client.Gateway, error) {
	raw, err := os.ReadFile(wanted.certificate)
	if err != nil {
		return nil, err
	}
	certificate, err := identity.CertificateFromPEM(raw)
	if err != nil {
		return nil, err
	}
	own, err := identity.NewX509Identity(wanted.mspID, certificate)
	if err != nil {
		return nil, err
	}
	raw, err = os.ReadFile(wanted.key)
	if err != nil {
		return nil, err
	}
	key, err := identity.PrivateKeyFromPEM(raw)
	if err != nil {
		return nil, err
	}
	sign, err := identity.NewPrivateKeySign(key)
	if err != nil {
		return nil, err
	}
	return client.Connect(own, client.WithSign(sign), client.WithHash(hash.SHA256), client.WithClientConnection(connection))
}

func drive(wanted load, contract *client.Contract) result {
	numbers := make(chan int)
	done := result{Failed: map[string]int{}}
	var guard sync.Mutex
	var workers sync.WaitGroup
	started := time.Now()
	for range wanted.inFlight {
		workers.Go(func() {
			for number := range numbers {
				begun := time.Now()
				err := submit(contract, fmt.Sprintf(`{"slot_id":"%s%d"}`, wanted.prefix, number))
				guard.Lock()
				if err != nil {
					done.Failed[err.Error()]++
				} else {
					done.Latencies = append(done.Latencies, time.Since(begun).Seconds())
				}
				guard.Unlock()
			}
		})
	}
	for number := range wanted.transactions {
		numbers <- number
	}
	close(numbers)
	workers.Wait()
	done.Seconds = time.Since(started).Seconds()
	return done
}

func submit(contract *client.Contract, argument string) error {
	within, cancel := context.WithTimeout(context.Background(), transactionTimeout)
	defer cancel()
	_, err := contract.SubmitWithContext(within, "register_slot", client.WithArguments(argument))
	return err
}
