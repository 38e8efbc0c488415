// Chaincode that does what `register_slot` of ours does, with the same reads, the same record and the same event,
// so that a transaction of either costs the network the same:
//
//	seed           {"organisation", "msp_id", "uscc", "roles"}    what init_consortium leaves of a member
//	register_slot  {"slot_id"}                                    reads msp/…, member/… and slot/…, writes slot/…
//
// It reads CHAINCODE_ID, CHAINCODE_SERVER_ADDRESS, TLS_CERT, TLS_KEY and CLIENT_CA (file names).
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/hyperledger/fabric-chaincode-go/v2/pkg/cid"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

// What stands at msp/<msp id>.
type binding struct {
	Organisation string `json:"organisation"`
}

// What stands at member/<organisation>; fields in the order of their names, as canonical JSON has them.
type member struct {
	CreatedAtS   int64    `json:"created_at_s"`
	Endorses     bool     `json:"endorses"`
	MspID        string   `json:"msp_id"`
	Organisation string   `json:"organisation"`
	Roles        []string `json:"roles"`
	UpdatedTx    string   `json:"updated_tx"`
	Uscc         string   `json:"uscc"`
}

type slot struct {
	CreatedAtS int64  `json:"created_at_s"`
	SlotID     string `json:"slot_id"`
	UpdatedTx  string `json:"updated_tx"`
	Warehouse  string `json:"warehouse"`
}

type event struct {
	SubjectID   string `json:"subject_id"`
	SubjectKind string `json:"subject_kind"`
	Type        string `json:"type"`
	Warehouse   string `json:"warehouse"`
}

var slotID = regexp.MustCompile(`^[0-9A-HJ-NPQRTUWXY]{18}/[A-Za-z0-9._-]{1,64}$`)

type bench struct{}

func (bench) Init(shim.ChaincodeStubInterface) *peer.Response { return shim.Success(nil) }

func (bench) Invoke(stub shim.ChaincodeStubInterface) *peer.Response {
	args := stub.GetArgs()
	if len(args) != 2 {
		return shim.Error("pass the function name and one JSON object")
	}
	var result any
	var err error
	switch string(args[0]) {
	case "seed":
		result, err = seed(stub, args[1])
	case "register_slot":
		result, err = registerSlot(stub, args[1])
	default:
		err = fmt.Errorf("no function %q", args[0])
	}
	if err != nil {
		return shim.Error(err.Error())
	}
	raw, err := json.Marshal(result)
	if err != nil {
		return shim.Error(err.Error())
	}
	return shim.Success(raw)
}

func seed(stub shim.ChaincodeStubInterface, raw []byte) (any, error) {
	var wanted member
	if err := json.Unmarshal(raw, &wanted); err != nil {
		return nil, err
	}
	wanted.CreatedAtS, wanted.UpdatedTx, wanted.Endorses = seconds(stub), stub.GetTxID(), true
	if err := write(stub, "msp/"+wanted.MspID, binding{wanted.Organisation}); err != nil {
		return nil, err
	}
	return wanted, write(stub, "member/"+wanted.Organisation, wanted)
}

func registerSlot(stub shim.ChaincodeStubInterface, raw []byte) (any, error) {
	caller, err := callerOf(stub)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(caller.Roles, "warehouse") {
		return nil, fmt.Errorf("register_slot is not for %s", caller.Organisation)
	}
	var wanted struct {
		SlotID string `json:"slot_id"`
	}
	if err := json.Unmarshal(raw, &wanted); err != nil {
		return nil, err
	}
	if !slotID.MatchString(wanted.SlotID) || !strings.HasPrefix(wanted.SlotID, caller.Uscc+"/") {
		return nil, fmt.Errorf("slot %q is not of %s", wanted.SlotID, caller.Organisation)
	}
	key := "slot/" + wanted.SlotID
	if held, err := stub.GetState(key); err != nil || held != nil {
		return nil, fmt.Errorf("%s exists already (%v)", key, err)
	}
	made := slot{seconds(stub), wanted.SlotID, stub.GetTxID(), caller.Organisation}
	if err := write(stub, key, made); err != nil {
		return nil, err
	}
	payload, err := json.Marshal([]event{{wanted.SlotID, "slot", "slot_registered", made.Warehouse}})
	if err != nil {
		return nil, err
	}
	return made, stub.SetEvent("wuxin", payload)
}

func callerOf(stub shim.ChaincodeStubInterface) (member, error) {
	var bound binding
	var found member
	mspID, err := cid.GetMSPID(stub)
	if err != nil {
		return found, err
	}
	if err := read(stub, "msp/"+mspID, &bound); err != nil {
		return found, err
	}
	return found, read(stub, "member/"+bound.Organisation, &found)
}

func read(stub shim.ChaincodeStubInterface, key string, record any) error {
	raw, err := stub.GetState(key)
	if err != nil {
		return err
	}
	if raw == nil {
		return fmt.Errorf("there is no %s", key)
	}
	return json.Unmarshal(raw, record)
}

func write(stub shim.ChaincodeStubInterface, key string, record any) error {
	raw, err := json.Marshal(record)
	if err != nil {
		return err
	}
	return stub.PutState(key, raw)
}

func seconds(stub shim.ChaincodeStubInterface) int64 {
	at, err := stub.GetTxTimestamp()
	if err != nil {
		return 0
	}
	return at.GetSeconds()
}

func main() {
	server := &shim.ChaincodeServer{
		CCID:     os.Getenv("CHAINCODE_ID"),
		Address:  os.Getenv("CHAINCODE_SERVER_ADDRESS"),
		CC:       bench{},
		TLSProps: tls(),
	}
	log.Fatal(server.Start())
}

func tls() shim.TLSProperties {
	if os.Getenv("TLS_CERT") == "" {
		return shim.TLSProperties{Disabled: true}
	}
	return shim.TLSProperties{Cert: file("TLS_CERT"), Key: file("TLS_KEY"), ClientCACerts: file("CLIENT_CA")}
}

func file(variable string) []byte {
	name := os.Getenv(variable)
	if name == "" {
		return nil
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		log.Fatal(err)
	}
	return raw
}
